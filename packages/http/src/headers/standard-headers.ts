import { isRequest, type JsonRpcMessage, type JsonRpcRequest } from '@mcpwire/core'
import { encodeHeaderValue } from './header-value.js'
import { argumentAt, type ParamHeader, paramText } from './param-headers.js'

export const VERSION_HEADER = 'mcp-protocol-version'
export const METHOD_HEADER = 'mcp-method'
export const NAME_HEADER = 'mcp-name'
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

/** The parameter that names what a request is about, by method. */
const NAME_PARAMS: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** The parameter of the request that `Mcp-Name` mirrors, if it mirrors any. */
export function nameParamOf(method: string): string | undefined {
  return Object.hasOwn(NAME_PARAMS, method) ? NAME_PARAMS[method] : undefined
}

/** What `Mcp-Name` says of a message, if anything. */
export function nameIn(message: JsonRpcMessage): string | undefined {
  if (!isRequest(message)) return undefined
  const nameParam = nameParamOf(message.method)
  const name = nameParam === undefined ? undefined : message.params?.[nameParam]
  return typeof name === 'string' ? name : undefined
}

/**
 * The headers that mirror a message, by lower-case name: its revision, method and name, and of a tool call the
 * arguments that the tool's schema wants there (2026-07-28, Streamable HTTP). A message that names no revision has no
 * header for one.
 */
export function mirroredHeaders(
  message: JsonRpcMessage,
  params: readonly ParamHeader[] = [],
): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!('method' in message)) return headers
  const version = message.params?._meta?.[VERSION_KEY]
  if (typeof version === 'string') headers[VERSION_HEADER] = encodeHeaderValue(version)
  headers[METHOD_HEADER] = encodeHeaderValue(message.method)
  if (!isRequest(message)) return headers
  const name = nameIn(message)
  if (name !== undefined) headers[NAME_HEADER] = encodeHeaderValue(name)
  if (message.method === 'tools/call') addParams(headers, message, params)
  return headers
}

function addParams(
  headers: Record<string, string>,
  { params }: JsonRpcRequest,
  paramHeaders: readonly ParamHeader[],
): void {
  for (const { header, path } of paramHeaders) {
    const text = paramText(argumentAt(params?.['arguments'], path))
    if (text !== undefined) headers[header] = encodeHeaderValue(text)
  }
}
