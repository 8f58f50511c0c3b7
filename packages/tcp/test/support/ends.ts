import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Listener, type RefusedCaller, type Transport, TransportError } from '@mcpwire/core'
import { onTestFinished } from 'vitest'
import { type TcpClientOptions, type TcpServerOptions, tcpClient, tcpServer } from '../../src/index.js'

/** The port of a started listener. */
export function portOf({ address = '' }: Listener): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

/** The first connection that a listener yields. */
export function firstConnection(listener: Listener): Promise<Transport> {
  return new Promise((resolve) => {
    listener.onconnection = resolve
  })
}

/** A started listener with its errors and connections. */
export interface Listening {
  readonly listener: Listener
  readonly port: number
  readonly errors: Error[]
  readonly refused: RefusedCaller[]
  readonly connections: Transport[]
}

/** Starts a listener whose connections are started as they arrive; closed after the test. */
export async function listening(options: Partial<TcpServerOptions> = {}): Promise<Listening> {
  const listener = tcpServer({ port: 0, ...options })
  const errors: Error[] = []
  const refused: RefusedCaller[] = []
  const connections: Transport[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = (caller) => {
    const { address, status, reason, option } = caller
    refused.push(caller)
    const message = `${address} was refused: ${reason}`
    errors.push(new TransportError('REFUSED', message, { status, ...(option !== undefined && { option }) }))
  }
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.start().catch(() => {})
  }
  onTestFinished(() => listener.close())
  await listener.start()
  return { listener, port: portOf(listener), errors, refused, connections }
}

/** A client with its errors and the number of its `onclose` calls; closed after the test. */
export function clientOf(options: TcpClientOptions): {
  transport: Transport
  errors: Error[]
  closes: () => number
} {
  const transport = tcpClient(options)
  const errors: Error[] = []
  let closes = 0
  transport.onerror = (error) => errors.push(error)
  transport.onclose = () => {
    closes++
  }
  onTestFinished(() => transport.close())
  return { transport, errors, closes: () => closes }
}

/** A server of plain sockets. `close` destroys its sockets. */
export async function bareServer(
  onconnection: (socket: Socket) => void,
): Promise<{ server: Server; port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    onconnection(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { server, port: (server.address() as AddressInfo).port, close }
}
