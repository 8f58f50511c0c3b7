import { type Clock, type Flow, type JsonRpcMessage, type Peer, TransportError } from '@mcpwire/core'
import {
  type Channel,
  JsonRpcMessageReader,
  MAX_UNSOLICITED_IN_A_ROW,
  type MessageReaderOptions,
  notWritable,
  overloaded,
  type Sink,
  toError,
  toJson,
  tooLargeToSend,
} from '@mcpwire/core/authoring'
import { closeReason, codeFor, errorFor, GOING_AWAY } from './close-codes.js'
import type { FrameListener, FrameSocket } from './frame-socket.js'
import type { Keepalive, KeepaliveTarget } from './keepalive.js'

// The life of a channel:
//
//   open ── socket closed: the close code gives the reason ───────────────────────▶ closed: sink.end(reason)
//     │ ─── error of this end (too long, malformed, no pong) ──▶ ending ──────────▶ closed: sink.end(that error)
//     └──── close() ───────────────────────────────────────────▶ closing ─────────▶ closed: close() resolves
//                                                                  ▲
//                                             ending ── close() ───┘
//
// ending and closing: the close frame is sent, and the close frame of the peer is awaited. After `closeTimeoutMs` the
// socket is destroyed. A peer without a pong gets no close frame: its socket is destroyed at once.

/** Options of a channel. Many channels share one object. */
export interface WsChannelOptions {
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly clock: Clock
  /** Whether this end shuts down altogether. An orderly close then has the code 1001. */
  readonly isGoingAway?: (() => boolean) | undefined
  /** Whether the peer may be a page: see `errorFor`. */
  readonly mayBePage?: boolean | undefined
}

const UNSUPPORTED_DATA = 1003

type State =
  | { readonly name: 'open' }
  | { readonly name: 'ending'; readonly reason: Error; readonly timeout?: Disposable }
  | { readonly name: 'closing'; readonly timeout: Disposable; readonly resolve: () => void }
  | { readonly name: 'closed' }

const OPEN: State = { name: 'open' }

/** A channel over an open WebSocket, with one text frame for each message. */
export function wsChannel(socket: FrameSocket, sink: Sink, options: WsChannelOptions, peer: Peer): Channel {
  const conversation = new WsConversation(socket, sink, options, peer)
  return {
    peer,
    traffic: socket,
    send: (message) => conversation.send(message),
    close: (reason) => conversation.close(reason),
    ...(socket.flow && { flow: conversation }),
  }
}

// One class for all roles that its parts require: there is one object for each connection.
class WsConversation implements FrameListener, KeepaliveTarget, MessageReaderOptions, Flow {
  readonly #socket: FrameSocket
  readonly #sink: Sink
  readonly #options: WsChannelOptions
  readonly #peer: Peer
  readonly #keepalive: Keepalive | undefined
  readonly #reader: JsonRpcMessageReader
  #state: State = OPEN
  #isPaused = false

  constructor(socket: FrameSocket, sink: Sink, options: WsChannelOptions, peer: Peer) {
    this.#socket = socket
    this.#sink = sink
    this.#options = options
    this.#peer = peer
    this.#keepalive = socket.startKeepalive?.(this, options)
    this.#reader = new JsonRpcMessageReader(sink, this)
    socket.listen(this)
  }

  get address(): string {
    return this.#peer.address
  }

  get maxUnsolicitedInARow(): number {
    return MAX_UNSOLICITED_IN_A_ROW
  }

  get mayBePage(): boolean | undefined {
    return this.#options.mayBePage
  }

  send(message: JsonRpcMessage): Promise<void> {
    const text = toJson(message)
    const error =
      this.#state.name === 'open'
        ? limitError(text, this.#socket, this.#options, this.address)
        : notWritable(this.address)
    if (error) return Promise.reject(error)
    this.#reader.sent(message)
    return this.#socket.send(text)
  }

  close(reason: Error | undefined): Promise<void> {
    return new Promise((resolve) => {
      const last = this.#state
      if (last.name === 'closed') {
        resolve()
        return
      }
      this.#keepalive?.[Symbol.dispose]()
      if (last.name === 'ending') last.timeout?.[Symbol.dispose]()
      this.#state = { name: 'closing', timeout: this.#startCloseTimeout(), resolve }
      if (last.name !== 'open') return
      const code = (reason ?? !this.#options.isGoingAway?.()) ? codeFor(reason) : GOING_AWAY
      this.#socket.close(code, closeReason(reason, this.address))
    })
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.flow?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.flow?.resume()
  }

  text(text: string): void {
    if (this.#state.name !== 'open') return
    this.#keepalive?.activity()
    this.#reader.text(text)
  }

  binary(): void {
    const message = `${this.address} sent a binary frame: messages are text frames`
    this.#end(new TransportError('MALFORMED_MESSAGE', message, { preview: '' }), UNSUPPORTED_DATA)
  }

  activity(): void {
    this.#keepalive?.activity()
  }

  /** Enters `ending`. The close frame has been sent. */
  failed(reason: Error): void {
    if (this.#state.name !== 'open') return
    this.#keepalive?.[Symbol.dispose]()
    this.#state = { name: 'ending', reason, timeout: this.#startCloseTimeout() }
  }

  closed(code: number, reason: string): void {
    const last = this.#state
    this.#state = { name: 'closed' }
    this.#keepalive?.[Symbol.dispose]()
    if (last.name === 'open') this.#sink.end(errorFor(code, reason, this))
    else if (last.name === 'ending') {
      last.timeout?.[Symbol.dispose]()
      this.#sink.end(last.reason)
    } else if (last.name === 'closing') {
      last.timeout[Symbol.dispose]()
      last.resolve()
    }
  }

  /** Sends an error response to a malformed request. */
  respond(text: string): void {
    const error = limitError(text, this.#socket, this.#options, this.address)
    if (error) this.#sink.error(error)
    else this.#socket.send(text).catch((cause) => this.#sink.error(toError(cause)))
  }

  abandon(reason: Error): void {
    this.#end(reason, codeFor(reason))
  }

  ping(): void {
    this.#socket.ping?.()
  }

  /** Destroys the socket of a peer without a pong: no close frame would arrive. */
  lost(): void {
    if (this.#state.name !== 'open') return
    if (!this.#socket.isOpen) {
      // The peer has sent its close frame and not disconnected: `closed` reports that code.
      this.#socket.destroy()
      return
    }
    this.#state = { name: 'ending', reason: pongMissing(this.#options, this.address) }
    this.#socket.destroy()
  }

  bytesReceived(): number {
    return this.#socket.bytesReceived
  }

  isPaused(): boolean {
    return this.#isPaused
  }

  /** Sends the close frame for an error of the peer, and enters `ending`. */
  #end(reason: Error, code: number): void {
    if (this.#state.name !== 'open') return
    this.failed(reason)
    this.#socket.close(code, closeReason(reason, this.address))
  }

  #startCloseTimeout(): Disposable {
    const { clock, closeTimeoutMs } = this.#options
    return clock.deadline(closeTimeoutMs, () => this.#socket.destroy())
  }
}

/** The error for a message over one of the limits. */
function limitError(
  text: string,
  { queuedBytes: alreadyQueued }: FrameSocket,
  { maxMessageBytes, maxQueuedBytes }: WsChannelOptions,
  address: string,
): Error | undefined {
  // UTF-8 takes at most three bytes for a UTF-16 unit: most messages need no exact count.
  if (text.length * 3 <= maxMessageBytes && alreadyQueued + text.length * 3 <= maxQueuedBytes)
    return undefined
  const bytes = new TextEncoder().encode(text).length
  if (bytes > maxMessageBytes) return tooLargeToSend(bytes, maxMessageBytes)
  const queuedBytes = alreadyQueued + bytes
  return queuedBytes > maxQueuedBytes ? overloaded(address, queuedBytes, maxQueuedBytes) : undefined
}

function pongMissing({ pingIntervalMs, pongTimeoutMs }: WsChannelOptions, address: string): Error {
  const limits = `pingIntervalMs (${pingIntervalMs}) and pongTimeoutMs (${pongTimeoutMs})`
  const message = `lost ${address}: no data within ${limits}`
  return new TransportError('PEER_LOST', message, { address, option: 'pongTimeoutMs' })
}
