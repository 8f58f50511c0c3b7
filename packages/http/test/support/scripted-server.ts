import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { until } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { initializeParams } from '@mcpwire/test-support/messages'
import { onTestFinished } from 'vitest'
import { type HttpClientOptions, httpClient } from '../../src/index.js'

const TIMEOUT_MS = 30_000

/** One HTTP request that a scripted server received. */
export interface ScriptedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** The body, where it is JSON. */
  readonly message: JsonRpcMessage | undefined
  readonly body: string
  readonly response: ServerResponse
}

/** A server that responds by a script. */
export interface ScriptedServer {
  readonly url: string
  readonly requests: ScriptedRequest[]
  readonly sockets: ReadonlySet<Socket>
  /** The requests of that HTTP method so far. */
  of(method: string): ScriptedRequest[]
  /** The JSON-RPC methods posted so far. */
  posted(): string[]
  until(fact: () => boolean, what: string): Promise<void>
}

/** Responds to a request. `false` leaves it to the usual response. */
export type Script = (request: ScriptedRequest, server: ScriptedServer) => boolean | undefined

/** The session of scripted servers. */
export const SESSION_ID = 'session-7f3a'

/** Starts a server that responds by the script, else opens sessions, accepts notifications and has no GET stream. */
export async function scriptedServer(script: Script = () => false): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = []
  const sockets = new Set<Socket>()
  const http = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const each = scriptedRequest(request, response, Buffer.concat(chunks).toString())
      requests.push(each)
      if (script(each, server) !== true && !response.headersSent) respondAsUsual(each)
    })
  })
  http.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    const closed = once(http, 'close')
    http.close()
    http.closeAllConnections()
    await closed
  })
  const server: ScriptedServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
    sockets,
    of: (method) => requests.filter((each) => each.method === method),
    posted: () => requests.flatMap(({ message }) => (message && 'method' in message ? [message.method] : [])),
    until: (fact, what) => until(fact, what, TIMEOUT_MS),
  }
  return server
}

function scriptedRequest(request: IncomingMessage, response: ServerResponse, body: string): ScriptedRequest {
  const { method = '', url = '', headers } = request
  let message: JsonRpcMessage | undefined
  try {
    message = JSON.parse(body)
  } catch {}
  return { method, url, headers, message, body, response }
}

function respondAsUsual({ method, message, response }: ScriptedRequest): void {
  if (method === 'DELETE') response.writeHead(200).end()
  else if (method === 'GET' || !message) response.writeHead(405).end()
  else if (!isRequest(message)) response.writeHead(202).end()
  else if (message.method === 'initialize') {
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 's', version: '1' },
    }
    json(response, { jsonrpc: '2.0', id: message.id, result }, { 'mcp-session-id': SESSION_ID })
  } else json(response, { jsonrpc: '2.0', id: message.id, result: { of: message.method } })
}

/** Responds with JSON. */
export function json(
  response: ServerResponse,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

/** Begins a stream of events, which `response.write(event(…))` continues. */
export function stream(response: ServerResponse, first = ''): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(first === '' ? ':\n\n' : first)
  return response
}

/** A message as an event. */
export function event(message: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`
}

/** A response to that request. */
export function resultFor(id: RequestId, result: object = {}): JsonRpcMessage {
  return { jsonrpc: '2.0', id, result: { ...result } }
}

/** A client of a scripted server, with the messages and errors it received. */
export interface ScriptedClient {
  readonly transport: ReturnType<typeof httpClient>
  readonly messages: JsonRpcMessage[]
  readonly errors: Error[]
  /** The response to that request, once it arrives. */
  responseTo(id: RequestId): Promise<JsonRpcMessage>
}

/** With a fake clock, tests count deadlines: those for the start of each response would be among them. */
const WITHOUT_HEAD_DEADLINES = { acceptTimeoutMs: Infinity, responseHeadTimeoutMs: Infinity }

/** A client that is started and has sent nothing. */
export async function startedClient(
  server: Pick<ScriptedServer, 'url' | 'until'>,
  options: Partial<HttpClientOptions> = {},
): Promise<ScriptedClient> {
  const limits = options.clock ? WITHOUT_HEAD_DEADLINES : {}
  const transport = httpClient({ url: server.url, closeTimeoutMs: 500, ...limits, ...options })
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  transport.onmessage = (message) => messages.push(message)
  transport.onerror = (error) => errors.push(error)
  onTestFinished(() => transport.close())
  await transport.start()
  const find = (id: RequestId) => messages.find((message) => !('method' in message) && message.id === id)
  return {
    transport,
    messages,
    errors,
    async responseTo(id) {
      await server.until(() => find(id) !== undefined, `the response to ${id} arrived`)
      return find(id) as JsonRpcMessage
    },
  }
}

/** A client after its handshake, as an SDK does it. */
export async function initializedClient(
  server: Pick<ScriptedServer, 'url' | 'until'>,
  options: Partial<HttpClientOptions> = {},
): Promise<ScriptedClient> {
  const client = await startedClient(server, options)
  const params = initializeParams()
  await client.transport.send({ jsonrpc: '2.0', id: 'init', method: 'initialize', params })
  await client.responseTo('init')
  client.transport.setProtocolVersion?.('2025-11-25')
  await client.transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return client
}
