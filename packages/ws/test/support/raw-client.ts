import { connect, type Socket } from 'node:net'
import { CLOSE, type ReadFrame, readFrames, TEXT } from './frames.js'

/** A client that writes bytes, and parses the response as HTTP and then as frames. */
export interface RawClient {
  readonly socket: Socket
  /** The response to the upgrade, as far as it arrived. */
  readonly response: { readonly status: number; readonly head: string; readonly body: string }
  readonly frames: readonly ReadFrame[]
  /** The payloads of received text frames. */
  readonly texts: readonly string[]
  /** The received close frame. */
  readonly closeFrame: { readonly code: number; readonly reason: string } | undefined
  readonly isClosed: boolean
  write(bytes: Uint8Array | string): void
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>
}

/** Changes to a valid upgrade request. A header with the value `undefined` is left out. */
export interface RawRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
}

/** A handshake request as text. */
export function upgradeRequest(
  port: number,
  { method = 'GET', path = '/mcp', headers = {} }: RawRequest = {},
): string {
  const all = {
    host: `127.0.0.1:${port}`,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'mcp',
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}\r\n`,
  )
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** Connects, and sends `first`. */
export async function rawClient(
  port: number,
  first = '',
  options: { readonly allowHalfOpen?: boolean; readonly path?: string } = {},
): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  socket.on('error', () => {})
  let bytes: Buffer = Buffer.alloc(0)
  let head: string | undefined
  const frames: ReadFrame[] = []
  let isClosed = false
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true
      resolve()
    })
  })
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    if (head === undefined) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      head = bytes.subarray(0, end).toString()
      bytes = bytes.subarray(end + 4)
    }
    if (!head.startsWith('HTTP/1.1 101')) return
    const read = readFrames(bytes)
    frames.push(...read.frames)
    bytes = read.rest
  })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  if (first !== '') socket.write(first)
  return {
    socket,
    frames,
    closed,
    get isClosed() {
      return isClosed
    },
    get response() {
      return { status: Number(head?.split(' ')[1] ?? 0), head: head ?? '', body: bytes.toString() }
    },
    get texts() {
      return frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) => payload.toString())
    },
    get closeFrame() {
      const payload = frames.find(({ opcode }) => opcode === CLOSE)?.payload
      if (!payload) return undefined
      return payload.length < 2
        ? { code: 1005, reason: '' }
        : { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() }
    },
    write: (given) => void socket.write(given),
  }
}
