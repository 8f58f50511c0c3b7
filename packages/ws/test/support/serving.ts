import { until } from '@mcpwire/compliance'
import {
  isRequest,
  type JsonRpcMessage,
  type Listener,
  type RefusedCaller,
  type Transport,
} from '@mcpwire/core'
import { type WsServerOptions, wsServer } from '../../src/node/index.js'
import { portOf } from './ports.js'
import { type RawClient, type RawRequest, rawClient, upgradeRequest } from './raw-client.js'

const TIMEOUT_MS = 30_000

/** A server with a record of its connections, messages and errors. */
export interface Serving extends AsyncDisposable {
  readonly listener: Listener
  readonly port: number
  readonly connections: Transport[]
  readonly messages: JsonRpcMessage[]
  readonly errors: Error[]
  readonly refused: RefusedCaller[]
  /** A raw client whose upgrade was accepted. */
  upgraded(request?: RawRequest): Promise<RawClient>
}

/** A server that starts every connection, and responds to a request with its own params. */
export async function serving(options: Partial<WsServerOptions> = {}): Promise<Serving> {
  const listener = wsServer({ port: 0, closeTimeoutMs: 5_000, ...options })
  const connections: Transport[] = []
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  const clients: RawClient[] = []
  const refused: RefusedCaller[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = (caller) => refused.push(caller)
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.onerror = (error) => errors.push(error)
    connection.onmessage = (message) => {
      messages.push(message)
      if (isRequest(message)) {
        connection.send({ jsonrpc: '2.0', id: message.id, result: { ...message.params } }).catch(() => {})
      }
    }
    connection.start().catch(() => {})
  }
  await listener.start()
  const port = portOf(listener.address)
  return {
    listener,
    port,
    connections,
    messages,
    refused,
    errors,
    upgraded: async (request) => {
      const client = await rawClient(port, upgradeRequest(port, request))
      clients.push(client)
      await until(
        () => client.response.status !== 0 || client.isClosed,
        'a response to the upgrade',
        TIMEOUT_MS,
      )
      if (client.response.status !== 101) throw new Error(`the upgrade got status ${client.response.status}`)
      return client
    },
    [Symbol.asyncDispose]: async () => {
      // Raw clients send no close frame, and the listener waits for one.
      for (const { socket } of clients) socket.destroy()
      await listener.close()
    },
  }
}

/** Resolves as soon as the condition holds. */
export function eventually(condition: () => boolean, what: string): Promise<void> {
  return until(condition, what, TIMEOUT_MS)
}
