import type { Socket } from 'node:net'
import { type ByteBudget, type Clock, type Flow, type TlsFacts, TransportError } from '@mcpwire/core'
import { notWritable, sentImmediately } from '@mcpwire/core/authoring'
import {
  type AccountOwner,
  ConnectionAccounts,
  type DeadlineOwner,
  type HeldDirection,
  type MessageDeadlines,
} from '@mcpwire/core/node'
import type { RawData, WebSocket } from 'ws'
import { closeReason, codeFor } from '../close-codes.js'
import type { FrameListener, FrameSocket } from '../frame-socket.js'
import { type Keepalive, type KeepaliveOptions, type KeepaliveTarget, keepalive } from '../keepalive.js'
import type { DeflateSettings } from '../ws-options.js'
import { type MessageSource, PacedMessages } from './paced-messages.js'
import { createTextSender, type TextSender } from './text-sender.js'

/** Options of the frames of one connection. */
export interface FrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
  readonly deflate: DeflateSettings | undefined
  readonly isClient: boolean
  readonly clock: Clock
  readonly tls?: TlsFacts
  /** The budget that unfinished messages and queued output count in. */
  readonly budget?: ByteBudget | undefined
  readonly messageDeadlines?: MessageDeadlines | undefined
}

/** Frames over a WebSocket of the `ws` library. It also writes to the socket of that WebSocket. */
export function wsFrames(ws: WebSocket, socket: Socket, options: FrameOptions): FrameSocket {
  return new WsFrames(ws, socket, options)
}

/** Links a WebSocket to its frames, so that all sockets share the same listener functions. */
const FRAMES = Symbol('frames')

type LinkedSocket = WebSocket & { [FRAMES]?: WsFrames }
type LinkedRawSocket = Socket & { [FRAMES]?: WsFrames }

/** The receiver of the library. It has no public member for the bytes of an unfinished message. */
interface Receiver {
  readonly writableLength?: number
  readonly _bufferedBytes?: number
  /** The length of the fragments so far, uncompressed. */
  readonly _messageLength?: number
}

// A class: each object literal with accessors has a hidden class of its own. With many connections that would take as
// much memory as everything else, and make property access slow.
class WsFrames implements FrameSocket, Flow, MessageSource, AccountOwner, DeadlineOwner {
  readonly tls?: TlsFacts
  readonly #ws: LinkedSocket
  readonly #socket: Socket
  readonly #options: FrameOptions
  readonly #messages: PacedMessages
  readonly #sender: TextSender
  #pongs: PongSender | undefined
  #listener: FrameListener | undefined
  #failure: Error | undefined
  /** Created when the connection holds its first bytes. */
  #accounts: ConnectionAccounts | undefined
  /** The bytes of the unfinished message, and whether a message was complete since they were counted. */
  #heldBytes = 0
  #hasCompleted = false
  #readBytesAtMessage = 0
  #lastAccepted: Promise<void> | undefined

  constructor(ws: WebSocket, socket: Socket, options: FrameOptions) {
    const { isClient, deflate } = options
    if (options.tls) this.tls = options.tls
    this.#ws = ws
    this.#socket = socket
    this.#options = options
    this.#messages = new PacedMessages(this, options.clock)
    this.#sender = createTextSender(ws, socket, { isClient, thresholdBytes: deflate?.thresholdBytes ?? 0 })
    this.#ws[FRAMES] = this
    ;(socket as LinkedRawSocket)[FRAMES] = this
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
    // Called after the listener of the library, which has read the chunk then.
    this.#socket.on('data', ondata)
    ws.resume()
    if (ws.readyState === ws.CLOSED) listener.closed(1006, '')
  }

  send(text: string): Promise<void> {
    if (!this.isOpen) return Promise.reject(notWritable(this.#options.address))
    const accepted = this.#sender.send(text)
    if (accepted !== sentImmediately && this.#options.budget) this.#holdOutput(accepted)
    return accepted
  }

  ping(): void {
    if (this.isOpen) this.#ws.ping()
  }

  startKeepalive(target: KeepaliveTarget, options: KeepaliveOptions): Keepalive {
    return keepalive(target, options)
  }

  close(code: number, reason: string): void {
    this.#messages.drop()
    this.#stopHolding()
    this.#sender.flush()
    this.#ws.close(code, reason)
    // A paused stream would not deliver the close frame of the peer.
    this.#ws.resume()
  }

  destroy(): void {
    this.#ws.terminate()
  }

  /** The consumer does not take messages: this end is the reason if the peer cannot complete one. */
  pause(): void {
    this.#messages.pause()
    this.#options.messageDeadlines?.complete(this)
  }

  resume(): void {
    this.#messages.resume()
    if (this.#heldBytes > 0) this.#options.messageDeadlines?.begin(this)
  }

  stopReading(): void {
    this.#ws.pause()
  }

  startReading(): void {
    this.#ws.resume()
  }

  /** Ends the conversation with this error. Queued output is dropped: the peer has not read it. */
  overloaded(error: TransportError<'OVERLOADED'>, direction: HeldDirection): void {
    this.#listener?.failed(error)
    this.#stopHolding()
    if (direction === 'output') {
      this.#ws.terminate()
      return
    }
    this.#ws.close(codeFor(error), closeReason(error, this.#options.address))
    // Not after the close frame of the peer: until then, the library would keep what it has received.
    this.#socket.destroySoon()
  }

  messageTimedOut(error: TransportError<'REFUSED'>): void {
    this.#listener?.failed(error)
    this.close(codeFor(error), closeReason(error, this.#options.address))
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
    this.#hasCompleted = true
    this.#messages.message(data, isBinary)
  }

  deliver(data: RawData, isBinary: boolean): void {
    if (isBinary) this.#listener?.binary()
    else this.#listener?.text(data.toString())
  }

  /** A chunk was read, and its complete messages were passed on. */
  onData(bytes: number): void {
    this.#messages.received(bytes)
    if (this.#hasCompleted) this.#readBytesAtMessage = this.#socket.bytesRead
    const held = this.#unfinishedBytes() + this.#messages.waitingBytes
    if (held > 0 || this.#heldBytes > 0) this.#holdInput(held)
    this.#hasCompleted = false
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
    this.#messages.flush()
    this.#failure ??= errorFrom(cause, this.#options.address, this.#options.maxMessageBytes)
    this.#listener?.failed(this.#failure)
  }

  onClose(code: number, reason: Buffer): void {
    this.#messages.flush()
    this.#stopHolding()
    this.#accounts?.close()
    this.#sender.stop()
    this.#listener?.closed(code, reason.toString())
  }

  #unfinishedBytes(): number {
    const { _receiver: receiver } = this.#ws as { readonly _receiver?: Receiver | null }
    const { _bufferedBytes, _messageLength, writableLength = 0 } = receiver ?? {}
    if (_bufferedBytes !== undefined && _messageLength !== undefined)
      return _bufferedBytes + _messageLength + writableLength
    // Another version of the library: what was read since the last message, compressed.
    return this.#socket.bytesRead - this.#readBytesAtMessage
  }

  #holdInput(bytes: number): void {
    const { budget, messageDeadlines } = this.#options
    const isAnother = this.#heldBytes === 0 || this.#hasCompleted
    this.#heldBytes = bytes
    if (!this.isOpen) return
    if (messageDeadlines) {
      if (bytes === 0) messageDeadlines.complete(this)
      else if (isAnother && !this.#messages.isPaused) messageDeadlines.begin(this)
    }
    if (!budget) return
    this.#accounts ??= new ConnectionAccounts(budget, this)
    this.#accounts.holdInput(bytes)
  }

  #stopHolding(): void {
    this.#heldBytes = 0
    this.#options.messageDeadlines?.delete(this)
    this.#accounts?.holdInput(0)
  }

  /** Counts the queue until the socket has accepted it. Sends that are accepted together share their promise. */
  #holdOutput(accepted: Promise<void>): void {
    const { budget } = this.#options
    if (!budget) return
    this.#accounts ??= new ConnectionAccounts(budget, this)
    if (accepted !== this.#lastAccepted) {
      this.#lastAccepted = accepted
      const update = (): void => this.#accounts?.holdOutput(this.isOpen ? this.queuedBytes : 0)
      accepted.then(update, update)
    }
    this.#accounts.holdOutput(this.queuedBytes)
  }
}

function ondata(this: LinkedRawSocket, chunk: Buffer): void {
  this[FRAMES]?.onData(chunk.length)
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
