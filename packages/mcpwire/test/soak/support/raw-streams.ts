import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { initializeText, type Target } from './targets.js'

/** A connection over tcp, unix or ws that sends any text. */
export interface RawStream {
  readonly socket: Socket
  /** Sends one message. Returns false where the buffer is full. */
  send(text: string): boolean
  /** Sends bytes of a message of that length, without its end. */
  sendStart(text: string, length: number): boolean
  /** Resolves once the buffer has drained, or the connection is closed. */
  drained(): Promise<void>
  /** Called with each message of the peer. */
  onmessage: (text: string) => void
}

/** Opens a TCP connection or one to a Unix socket. */
export async function openSocket({ url }: Target): Promise<Socket> {
  const path = /^unix:(.+)$/.exec(url)?.[1]
  const { port } = path === undefined ? new URL(url) : { port: '' }
  const socket = path === undefined ? connect(Number(port), '127.0.0.1') : connect(path)
  await once(socket, 'connect')
  socket.setNoDelay(true)
  socket.on('error', () => {})
  return socket
}

/** Opens a connection of that wire. With sessions it is initialized. */
export async function openStream(target: Target, caller: string): Promise<RawStream> {
  const socket = await openSocket(target)
  const stream = target.wire === 'ws' ? await upgraded(socket, target, caller) : lines(socket)
  if (target.era === 'session') {
    const answer = nextMessage(stream)
    stream.send(initializeText())
    const text = await answer
    if (!text.includes('"result"')) throw new Error(`initialize failed: ${text.slice(0, 200)}`)
    stream.send('{"jsonrpc":"2.0","method":"notifications/initialized"}')
  }
  return stream
}

/** The next message of the peer. Rejects when the connection closes. */
export function nextMessage(stream: RawStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the connection was closed'))
    stream.socket.once('close', closed)
    stream.onmessage = (text) => {
      stream.socket.off('close', closed)
      stream.onmessage = () => {}
      resolve(text)
    }
  })
}

/** Resolves once the socket has drained or closed. */
export function drained(socket: Socket): Promise<void> {
  if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve()
  return new Promise((resolve) => {
    const settled = (): void => {
      socket.off('drain', settled).off('close', settled)
      resolve()
    }
    socket.on('drain', settled).on('close', settled)
  })
}

function lines(socket: Socket): RawStream {
  const parts: string[] = []
  const stream: RawStream = {
    socket,
    send: (text) => socket.write(`${text}\n`),
    sendStart: (text) => socket.write(text),
    drained: () => drained(socket),
    onmessage: () => {},
  }
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const pieces = chunk.split('\n')
    for (const [at, piece] of pieces.entries()) {
      parts.push(piece)
      if (at < pieces.length - 1) stream.onmessage(parts.splice(0).join(''))
    }
  })
  return stream
}

async function upgraded(socket: Socket, { url }: Target, caller: string): Promise<RawStream> {
  const { host, pathname } = new URL(url)
  const head = [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol: mcp',
    `Authorization: Bearer ${caller}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  let rest: Buffer = Buffer.alloc(0)
  await new Promise<void>((resolve, reject) => {
    const closed = (): void => reject(new Error('the upgrade was refused'))
    socket.once('close', closed)
    socket.on('data', function read(chunk: Buffer) {
      rest = Buffer.concat([rest, chunk])
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', read).off('close', closed)
      const isUpgraded = rest.subarray(0, 16).toString().includes(' 101')
      rest = rest.subarray(end + 4)
      if (isUpgraded) resolve()
      else reject(new Error('the upgrade was refused'))
    })
  })
  const write = (type: number, text: string, length = Buffer.byteLength(text)): boolean => {
    socket.write(frameHead(type, length))
    return socket.write(text)
  }
  const stream: RawStream = {
    socket,
    send: (text) => write(0x81, text),
    sendStart: (text, length) => write(0x81, text, length),
    drained: () => drained(socket),
    onmessage: () => {},
  }
  const chunks: Buffer[] = [rest]
  let held = rest.length
  let needed = 2
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    held += chunk.length
    while (held >= needed) {
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      const frame = frameIn(all)
      chunks.splice(0, chunks.length, frame ? all.subarray(frame.end) : all)
      needed = frame ? 2 : neededFor(all)
      if (!frame) return
      held -= frame.end
      if (frame.type === 0x89) write(0x8a, all.subarray(frame.start, frame.end).toString())
      else if (frame.type === 0x88) socket.end()
      else stream.onmessage(all.toString('utf8', frame.start, frame.end))
    }
  })
  return stream
}

/** The head of a masked frame whose mask is zero. */
function frameHead(type: number, length: number): Buffer {
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14)
  head[0] = type
  if (length < 126) head[1] = 0x80 | length
  else if (length < 65_536) {
    head[1] = 0x80 | 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 0x80 | 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return head
}

interface Frame {
  readonly type: number
  readonly start: number
  readonly end: number
}

function frameIn(bytes: Buffer): Frame | undefined {
  const end = neededFor(bytes)
  return bytes.length < end ? undefined : { type: bytes[0] as number, start: startOf(bytes), end }
}

function startOf(bytes: Buffer): number {
  const length = (bytes[1] ?? 0) & 0x7f
  return length < 126 ? 2 : length === 126 ? 4 : 10
}

/** The number of bytes until the end of the frame, or of its head where that is incomplete. */
function neededFor(bytes: Buffer): number {
  if (bytes.length < 2) return 2
  const start = startOf(bytes)
  if (bytes.length < start) return start
  if (start === 2) return 2 + ((bytes[1] as number) & 0x7f)
  return start + (start === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)))
}
