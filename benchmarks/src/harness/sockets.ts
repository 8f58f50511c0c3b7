import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { type Listener, serve, type Transport, type TransportLike } from '@mcpwire/core'
import { type ExchangeLoad, exchangeDriver } from './exchange.js'
import type { Contestant } from './suite.js'

/** Sockets without any package of ours. */
export interface BareSockets {
  /** Starts the server on a new address. Resolves with the address for `dial`. */
  readonly listen: (server: Server) => Promise<string>
  readonly dial: (address: string) => Socket
}

/** A contestant on bare sockets. */
export function overSockets(
  id: string,
  label: string,
  sockets: BareSockets,
  wire: (input: Readable, output: Writable) => TransportLike,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => {
      const socket = sockets.dial(address)
      await once(socket, 'connect')
      return await exchangeDriver(wire(socket, socket))
    },
    server: {
      startedBy: 'harness',
      serve: async (accept) => {
        const server = createServer({ noDelay: true }, (socket) => void accept(wire(socket, socket)))
        return await sockets.listen(server)
      },
    },
  }
}

/** A contestant on one of our listeners. */
export function overListener(
  id: string,
  label: string,
  client: (address: string) => Transport,
  listener: () => Promise<Listener>,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => await exchangeDriver(client(address)),
    server: {
      startedBy: 'harness',
      serve: async (accept) => (await serve(await listener(), accept)).url,
    },
    isOurs: true,
  }
}
