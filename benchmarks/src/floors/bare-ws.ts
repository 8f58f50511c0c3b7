import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TransportLike } from '@mcpwire/core'
import { WebSocket, WebSocketServer } from 'ws'

/** Makes a transport from a WebSocket and the socket below it. */
export type BareWire = (socket: WebSocket, below: Socket) => TransportLike

/** Connects with the `ws` library alone. */
export async function dialBare(address: string, wire: BareWire): Promise<TransportLike> {
  const { hostname, port } = new URL(address)
  const below = connect({ host: hostname, port: Number(port), noDelay: true })
  const socket = new WebSocket(address, { perMessageDeflate: false, createConnection: () => below })
  await once(socket, 'open')
  return wire(socket, below)
}

/** Listens with the `ws` library alone. Resolves with the URL. */
export async function listenBare(
  accept: (wire: TransportLike) => Promise<void>,
  wire: BareWire,
): Promise<string> {
  const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    upgrader.handleUpgrade(request, socket, head, (ws) => void accept(wire(ws, request.socket)))
  })
  await once(server.listen({ port: 0, host: '127.0.0.1' }), 'listening')
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
