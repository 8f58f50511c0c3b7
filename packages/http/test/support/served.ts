import {
  isRequest,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type MessageContext,
  type RefusedCaller,
  type RequestId,
  type Transport,
} from '@mcpwire/core'
import { onTestFinished } from 'vitest'
import { type HttpServerOptions, httpServer } from '../../src/node/index.js'
import { type Answer, type RawHttp, rawHttp } from './raw-http.js'

/** Answers a request. Without a result the request stays open. */
export type Application = (
  request: JsonRpcRequest,
  connection: Transport,
  context: MessageContext | undefined,
) => JsonRpcMessage | undefined

/** A server with the messages that its application received. */
export interface Served extends RawHttp {
  readonly listener: ReturnType<typeof httpServer>
  readonly port: number
  readonly address: string
  readonly connections: Transport[]
  readonly messages: JsonRpcMessage[]
  readonly errors: Error[]
  readonly refused: RefusedCaller[]
  /** Opens a session, and yields the headers of requests in it. */
  session(revision?: string, headers?: Readonly<Record<string, string>>): Promise<Record<string, string>>
}

/** Answers with method and params of the request. */
export function echo({ id, method, params }: JsonRpcRequest): JsonRpcMessage {
  return { jsonrpc: '2.0', id, result: { of: method, ...params } }
}

/** The body that opens a session. */
export function initialize(revision = '2025-11-25', id: RequestId = 'init'): JsonRpcRequest {
  const clientInfo = { name: 'raw', version: '1' }
  return {
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion: revision, capabilities: {}, clientInfo },
  }
}

/** Starts a server whose application answers `initialize` with the requested revision. `application` answers the rest. */
export async function served(
  options: Partial<HttpServerOptions> = {},
  application: Application = echo,
): Promise<Served> {
  const listener = httpServer({ port: 0, closeTimeoutMs: 5_000, ...options })
  const connections: Transport[] = []
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  const refused: RefusedCaller[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = (caller) => refused.push(caller)
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.onerror = (error) => errors.push(error)
    connection.onmessage = (message, context) => {
      messages.push(message)
      if (!isRequest(message)) return
      const answer =
        message.method === 'initialize' ? welcome(message) : application(message, connection, context)
      if (answer) connection.send(answer).catch((error) => errors.push(error))
    }
    connection.start().catch((error) => errors.push(error))
  }
  onTestFinished(() => listener.close())
  await listener.start()
  const address = listener.url
  const port = Number(new URL(address).port)
  const raw = rawHttp(port)
  return {
    ...raw,
    listener,
    port,
    address,
    connections,
    messages,
    errors,
    refused,
    async session(revision = '2025-11-25', more = {}) {
      const answer = await raw.ask({ body: initialize(revision), headers: more })
      const headers = { ...more, ...sessionHeaders(answer, revision) }
      await raw.ask({ body: { jsonrpc: '2.0', method: 'notifications/initialized' }, headers })
      return headers
    },
  }
}

function sessionHeaders({ status, headers }: Answer, revision: string): Record<string, string> {
  const id = headers['mcp-session-id']
  if (status !== 200 || typeof id !== 'string') throw new Error(`no session: status ${status}`)
  return { 'mcp-session-id': id, ...(revision >= '2025-06-18' && { 'mcp-protocol-version': revision }) }
}

function welcome({ id, params }: JsonRpcRequest): JsonRpcMessage {
  const serverInfo = { name: 'served', version: '1' }
  const protocolVersion = params?.['protocolVersion']
  return { jsonrpc: '2.0', id, result: { protocolVersion, capabilities: {}, serverInfo } }
}
