import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/**
 * A port of `127.0.0.1` that was free a moment ago, for a program that cannot choose one. Another process may take it:
 * prefer port 0, and `refusedPort` where nothing must listen.
 */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

let refused: Promise<number> | undefined

/**
 * A port of `127.0.0.1` that refuses connections while this process runs. It is the local port of a connection, so that
 * no other process can listen on it.
 */
export function refusedPort(): Promise<number> {
  refused ??= occupyPort()
  return refused
}

async function occupyPort(): Promise<number> {
  const server = createServer((accepted) => void accepted.unref()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  server.unref()
  socket.unref()
  return socket.localPort ?? 0
}
