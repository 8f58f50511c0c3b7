import type { Socket } from 'node:net'
import { type Flow, type TlsFacts, TransportError } from '@mcpwire/core'
import { notWritable } from '@mcpwire/core/authoring'
import type { RawData, WebSocket } from 'ws'
import type { FrameListener, FrameSocket } from '../frame-socket.js'
import { type Keepalive, type KeepaliveOptions, type KeepaliveTarget, keepalive } from '../keepalive.js'
import type { DeflateSettings } from '../ws-options.js'
import { createTextSender, type TextSender } from './text-sender.js'

/** Options of the frames of one connection. */
export interface FrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
  readonly deflate: DeflateSettings | undefined
  readonly isClient: boolean
  readonly tls?: TlsFacts
}

/** Frames over a WebSocket of the `ws` library. It also writes to the socket of that WebSocket. */
export function wsFrames(ws: WebSocket, socket: Socket, options: FrameOptions): FrameSocket {
  return new WsFrames(ws, socket, options)
}

/** Links a WebSocket to its frames, so that all sockets share the same listener functions. */
const FRAMES = Symbol('frames')

type LinkedSocket = WebSocket & { [FRAMES]?: WsFrames }

// A class: each object literal with accessors has a hidden class of its own. With many connections that would take as
// much memory as everything else, and make property access slow.
class WsFrames implements FrameSocket, Flow {
  readonly tls?: TlsFacts
  readonly #ws: LinkedSocket
  readonly #socket: Socket
  readonly #address: string
  readonly #maxMessageBytes: number
  readonly #sender: TextSender
  #pongs: PongSender | undefined
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
    this.#ws[FRAMES] = this
    ws.on('error', onerror).on('ping', onping)
    // `ws` would drop the events that it emits before `listen()`.
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

  startKeepalive(target: KeepaliveTarget, options: KeepaliveOptions): Keepalive {
    return keepalive(target, options)
  }

  close(code: number, reason: string): void {
    this.#sender.flush()
    this.#ws.close(code, reason)
    // A paused stream would not deliver the close frame of the peer.
    this.#ws.resume()
  }

  destroy(): void {
    this.#ws.terminate()
  }

  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#ws.resume()
  }

  get queuedBytes(): number {
    return this.#ws.bufferedAmount + this.#sender.bufferedBytes
  }

  get bytesSent(): number {
    return this.#socket.bytesWritten
  }

  get bytesReceived(): number {
    return this.#socket.bytesRead
  }

  onMessage(data: RawData, isBinary: boolean): void {
    if (isBinary) this.#listener?.binary()
    else this.#listener?.text(data.toString())
  }

  onPing(payload: Buffer): void {
    this.#pongs ??= new PongSender(this.#ws)
    this.#pongs.send(payload)
    this.#listener?.activity()
  }

  onPong(): void {
    this.#listener?.activity()
  }

  onError(cause: Error): void {
    this.#failure ??= errorFrom(cause, this.#address, this.#maxMessageBytes)
    this.#listener?.failed(this.#failure)
  }

  onClose(code: number, reason: Buffer): void {
    this.#sender.stop()
    this.#listener?.closed(code, reason.toString())
  }
}

function onmessage(this: LinkedSocket, data: RawData, isBinary: boolean): void {
  this[FRAMES]?.onMessage(data, isBinary)
}

function onping(this: LinkedSocket, payload: Buffer): void {
  this[FRAMES]?.onPing(payload)
}

function onpong(this: LinkedSocket): void {
  this[FRAMES]?.onPong()
}

function onerror(this: LinkedSocket, cause: Error): void {
  this[FRAMES]?.onError(cause)
}

function onclose(this: LinkedSocket, code: number, reason: Buffer): void {
  this[FRAMES]?.onClose(code, reason)
}

/**
 * Sends pongs one at a time. While one is buffered, only the latest ping is kept (RFC 6455, section 5.5.3): a flood of
 * pings from a peer that does not read buffers a single pong.
 */
class PongSender {
  readonly #ws: WebSocket
  #isSending = false
  #latest: Buffer | undefined

  constructor(ws: WebSocket) {
    this.#ws = ws
  }

  send(payload: Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    if (this.#isSending) {
      // A copy: the payload is a view of the read buffer.
      this.#latest = Buffer.from(payload)
      return
    }
    this.#isSending = true
    this.#ws.pong(payload, undefined, () => this.#sent())
  }

  #sent(): void {
    this.#isSending = false
    const next = this.#latest
    this.#latest = undefined
    if (next) this.send(next)
  }
}

/** The error for an error code of the library (its documentation, "Error codes"). */
function errorFrom(cause: Error, address: string, maxMessageBytes: number): Error {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    const message = `${address} sent a message longer than maxMessageBytes (${maxMessageBytes})`
    const advice = { option: 'maxMessageBytes', hint: 'raise option "maxMessageBytes" to accept it' }
    // The library checks the length in the header and does not report it.
    const details = { bytes: maxMessageBytes + 1, maxMessageBytes, ...advice }
    return new TransportError('MESSAGE_TOO_LARGE', message, details, { cause })
  }
  if (code.startsWith('WS_ERR_')) {
    const message = `${address} violated the WebSocket protocol: ${cause.message}`
    return new TransportError('MALFORMED_MESSAGE', message, { preview: '' }, { cause })
  }
  return new TransportError('PEER_LOST', `lost ${address}: ${cause.message}`, { address }, { cause })
}
