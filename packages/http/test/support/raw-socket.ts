import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** The default headers of a request over a raw connection. */
export const usualHeaders = {
  host: '127.0.0.1',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
}

/** A request to the endpoint as it stands on the wire. The headers given win. */
export function wireRequest(
  method: 'GET' | 'POST',
  headers: Readonly<Record<string, unknown>>,
  body = '',
): string {
  const lines = Object.entries({ ...usualHeaders, 'content-length': Buffer.byteLength(body), ...headers })
  return `${method} /mcp HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/** A connection over which a test writes what it likes. `text` is what came back. */
export function socketTo(port: number): Socket & { text: string } {
  const socket = Object.assign(silentTo(port), { text: '' })
  socket.on('data', (chunk) => {
    socket.text += chunk
  })
  return socket
}

/** A connection of which nothing is read until the test does. */
export function silentTo(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  return socket
}

/** A client that sends raw text, and reads only the head of the response. */
export async function unread(port: number, words: string): Promise<Socket> {
  const socket = silentTo(port)
  socket.write(words)
  await new Promise<void>((resolve) => socket.once('data', () => resolve()))
  socket.pause()
  return socket
}
