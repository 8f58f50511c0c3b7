import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Leaves the file of a socket behind that nobody listens to any more. */
export async function makeStaleSocket(path: string): Promise<void> {
  const server = createServer()
  await once(server.listen(`${path}.new`), 'listening')
  // Closing removes it where it was made.
  renameSync(`${path}.new`, path)
  server.close()
  await once(server, 'close')
}

/** A plain server that is not one of ours, until the test has finished. */
export async function foreignServer(path: string): Promise<Server> {
  const server = createServer((socket) => socket.resume())
  await once(server.listen(path), 'listening')
  onTestFinished(() => void server.close())
  return server
}

/** Whether somebody accepts connections there. */
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

/** A plain connection, until the test has finished. */
export async function plainCaller(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}
