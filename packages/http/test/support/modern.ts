import type { JsonRpcRequest, RequestId } from '@mcpwire/core'
import type { RawRequest } from './raw-http.js'

/** The revision without sessions. */
export const MODERN = '2026-07-28'
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
export const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
export const CLIENT_KEY = 'io.modelcontextprotocol/clientInfo'
export const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId'

/** The required metadata of a request of 2026-07-28. */
export const envelope = { [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: {} }

/** A request of 2026-07-28. */
export function modern(
  method: string,
  params: Record<string, unknown> = {},
  id: RequestId = 1,
): JsonRpcRequest {
  const { _meta, ...rest } = params
  return { jsonrpc: '2.0', id, method, params: { ...rest, _meta: { ...envelope, ...(_meta as object) } } }
}

/** The POST of it, with the headers that repeat it; those given win. */
export function postOf(body: JsonRpcRequest, headers: RawRequest['headers'] = {}): RawRequest {
  const { method, params } = body
  const name = params?.['name'] ?? params?.['uri'] ?? params?.['taskId']
  return {
    body,
    headers: {
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
      ...headers,
    },
  }
}
