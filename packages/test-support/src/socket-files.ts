import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Creates the file of a socket on which nothing listens. */
export async function makeStaleSocket(path: string): Promise<void> {
  const server = createServer()
  await once(server.listen(`${path}.new`), 'listening')
  // Closing unlinks the path that was bound.
  renameSync(`${path}.new`, path)
  server.close()
  await once(server, 'close')
}

/** A plain server that is not one of ours; closed after the test. */
export async function foreignServer(path: string): Promise<Server> {
  const server = createServer((socket) => socket.resume())
  await once(server.listen(path), 'listening')
  onTestFinished(() => void server.close())
  return server
}

/** Whether a server accepts connections there. */
export async function isAlive(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A plain connection; destroyed after the test. */
export async function plainSocket(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}
