import { until } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type Listener, type Transport } from '@mcpwire/core'
import { type WsServerOptions, wsServer } from '../../src/node/index.js'
import { portOf } from './ports.js'
import { type RawClient, type RawRequest, rawClient, upgradeRequest } from './raw-client.js'

const PATIENCE_MS = 5_000

/** A server with what happened at it. */
export interface Serving extends AsyncDisposable {
  readonly listener: Listener
  readonly port: number
  readonly connections: Transport[]
  readonly messages: JsonRpcMessage[]
  readonly errors: Error[]
  /** A raw client whose upgrade was accepted. */
  upgraded(request?: RawRequest): Promise<RawClient>
}

/** A server that starts every connection, and answers requests with their own params. */
export async function serving(options: Partial<WsServerOptions> = {}): Promise<Serving> {
  const listener = wsServer({ port: 0, closeTimeoutMs: 5_000, ...options })
  const connections: Transport[] = []
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  const clients: RawClient[] = []
  listener.onerror = (error) => errors.push(error)
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
    errors,
    upgraded: async (request) => {
      const client = await rawClient(port, upgradeRequest(port, request))
      clients.push(client)
      await until(
        () => client.answer.status !== 0 || client.isClosed,
        'the upgrade was answered',
        PATIENCE_MS,
      )
      if (client.answer.status !== 101)
        throw new Error(`the upgrade was answered with ${client.answer.status}`)
      return client
    },
    [Symbol.asyncDispose]: async () => {
      // They answer no close frame, which the listener would wait for.
      for (const { socket } of clients) socket.destroy()
      await listener.close()
    },
  }
}

/** Resolves as soon as the fact is true. */
export function eventually(fact: () => boolean, what: string): Promise<void> {
  return until(fact, what, PATIENCE_MS)
}
