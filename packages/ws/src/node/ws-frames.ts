import type { Socket } from 'node:net'
import { type Flow, type TlsFacts, TransportError } from '@mcpwire/core'
import { notWritable } from '@mcpwire/core/authoring'
import type { RawData, WebSocket } from 'ws'
import type { Deflate } from '../deflate.js'
import type { FrameListener, FrameSocket } from '../frame-socket.js'
import { Pongs } from './pongs.js'
import { createTextSender, type TextSender } from './text-sender.js'

/** What frames are bounded by, for error texts, and which of them are compressed. */
export interface FrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
  readonly deflate: Deflate | undefined
  readonly isClient: boolean
  readonly tls?: TlsFacts
}

/** A WebSocket of the `ws` library, on a socket that is ours to write to. */
export function wsFrames(ws: WebSocket, socket: Socket, options: FrameOptions): FrameSocket {
  return new WsFrames(ws, socket, options)
}

/** Whose a socket of the library is. So the listeners on sockets are the same for all. */
const OWNER = Symbol('frames')

type Owned = WebSocket & { [OWNER]?: WsFrames }

// A class, since every object with accessors of its own has a shape of its own too: with many connections that costs
// as much memory as all the rest, and makes everything that touches them slow.
class WsFrames implements FrameSocket, Flow {
  readonly tls?: TlsFacts
  readonly #ws: Owned
  readonly #socket: Socket
  readonly #address: string
  readonly #maxMessageBytes: number
  readonly #sender: TextSender
  #pongs: Pongs | undefined
  #listener: FrameListener | undefined
  #failure: Error | undefined

  constructor(ws: WebSocket, socket: Socket, options: FrameOptions) {
    const { address, maxMessageBytes, isClient, deflate } = options
    if (options.tls) this.tls = options.tls
    this.#ws = ws
    this.#socket = socket
    this.#address = address
    this.#maxMessageBytes = maxMessageBytes
    this.#sender = createTextSender(ws, socket, { isClient, thresholdBytes: deflate?.thresholdBytes ?? 0 })
    this.#ws[OWNER] = this
    ws.on('error', onerror).on('ping', onping)
    // Nothing is read before somebody listens; `ws` would emit it into the void.
    ws.pause()
  }

  get subprotocol(): string {
    return this.#ws.protocol
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN
  }

  get flow(): Flow {
    return this
  }

  listen(listener: FrameListener): void {
    const ws = this.#ws
    this.#listener = listener
    if (this.#failure) listener.failed(this.#failure)
    ws.on('message', onmessage).on('pong', onpong).on('close', onclose)
    ws.resume()
    if (ws.readyState === ws.CLOSED) listener.closed(1006, '')
  }

  send(text: string): Promise<void> {
    if (this.isOpen) return this.#sender.send(text)
    return Promise.reject(notWritable(this.#address))
  }

  ping(): void {
    if (this.isOpen) this.#ws.ping()
  }

  close(code: number, reason: string): void {
    this.#sender.flush()
    this.#ws.close(code, reason)
    // A close frame that waits behind a paused stream would never be heard.
    this.#ws.resume()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#ws.resume()
  }

  get queuedBytes(): number {
    return this.#ws.bufferedAmount + this.#sender.heldBytes
  }

  get bytesSent(): number {
    return this.#socket.bytesWritten
  }

  get bytesReceived(): number {
    return this.#socket.bytesRead
  }

  heard(data: RawData, isBinary: boolean): void {
    if (isBinary) this.#listener?.binary()
    else this.#listener?.text(data.toString())
  }

  pinged(payload: Buffer): void {
    this.#pongs ??= new Pongs(this.#ws)
    this.#pongs.answer(payload)
    this.#listener?.alive()
  }

  ponged(): void {
    this.#listener?.alive()
  }

  failed(cause: Error): void {
    this.#failure ??= explained(cause, this.#address, this.#maxMessageBytes)
    this.#listener?.failed(this.#failure)
  }

  closed(code: number, reason: Buffer): void {
    this.#sender.stop()
    this.#listener?.closed(code, reason.toString())
  }
}

function onmessage(this: Owned, data: RawData, isBinary: boolean): void {
  this[OWNER]?.heard(data, isBinary)
}

function onping(this: Owned, payload: Buffer): void {
  this[OWNER]?.pinged(payload)
}

function onpong(this: Owned): void {
  this[OWNER]?.ponged()
}

function onerror(this: Owned, cause: Error): void {
  this[OWNER]?.failed(cause)
}

function onclose(this: Owned, code: number, reason: Buffer): void {
  this[OWNER]?.closed(code, reason)
}

/** What the library's codes mean here (its documentation, "Error codes"). */
function explained(cause: Error, address: string, maxMessageBytes: number): Error {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    const message = `${address} sent a message longer than maxMessageBytes (${maxMessageBytes}); raise it to accept more`
    // The library looks at the announced length alone, and does not tell it.
    const details = { bytes: maxMessageBytes + 1, maxMessageBytes }
    return new TransportError('MESSAGE_TOO_LARGE', message, details, { cause })
  }
  if (code.startsWith('WS_ERR_')) {
    const message = `${address} broke the WebSocket protocol: ${cause.message}`
    return new TransportError('MALFORMED_MESSAGE', message, { preview: '' }, { cause })
  }
  return new TransportError('PEER_LOST', `lost ${address}: ${cause.message}`, { address }, { cause })
}
