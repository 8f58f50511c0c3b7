import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A connection over which a test writes what it likes. `text` is what came back. */
export function socketTo(port: number): Socket & { text: string } {
  const socket = Object.assign(connect(port, '127.0.0.1'), { text: '' })
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    socket.text += chunk
  })
  onTestFinished(() => void socket.destroy())
  return socket
}
