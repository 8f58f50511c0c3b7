import { type Clock, type Flow, type JsonRpcMessage, type Peer, TransportError } from '@mcpwire/core'
import {
  type Channel,
  JsonRpcMessageReader,
  type MessageReaderOptions,
  overloaded,
  type Sink,
  notWritable,
  textForPeer,
  toJson,
  tooLargeToSend,
} from '@mcpwire/core/authoring'
import { codeFor, errorFor, GOING_AWAY } from './close-codes.js'
import type { FrameListener, FrameSocket } from './frame-socket.js'
import { type Keepalive, keepalive, type Watched } from './keepalive.js'

/** What a channel over a WebSocket needs to know. */
export interface WsChannelOptions {
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly clock: Clock
  /** Whether this end is going away altogether, which is what it then says when it closes in order. */
  readonly isGoingAway?: (() => boolean) | undefined
  /** Whether the peer may be a page: see `errorFor`. */
  readonly hearsPages?: boolean | undefined
}

/** The longest reason a close frame carries (RFC 6455, section 5.5: 125 bytes, two of them the code). */
const MAX_REASON_BYTES = 123
const UNSUPPORTED_DATA = 1003

/**
 * `open`: both ways. `ending`: over for a reason that is told once the peer has heard of it. `closing`: over because
 * our side asked. `over`: nothing.
 */
type Stage =
  | { readonly name: 'open' }
  | { readonly name: 'ending'; readonly reason: Error; readonly late?: Disposable }
  | { readonly name: 'closing'; readonly late: Disposable; readonly closed: () => void }
  | { readonly name: 'over' }

const OPEN: Stage = { name: 'open' }

/** A channel over an open WebSocket: one text frame a message. Many may share their options. */
export function wsChannel(socket: FrameSocket, sink: Sink, options: WsChannelOptions, peer: Peer): Channel {
  const conversation = new Conversation(socket, sink, options, peer)
  return {
    peer,
    traffic: socket,
    send: (message) => conversation.send(message),
    close: (reason) => conversation.close(reason),
    ...(socket.flow && { flow: conversation }),
  }
}

// A class in all the roles that its parts ask for, as one is there for each connection.
class Conversation implements FrameListener, Watched, MessageReaderOptions, Flow {
  readonly #socket: FrameSocket
  readonly #sink: Sink
  readonly #options: WsChannelOptions
  readonly #peer: Peer
  readonly #alive: Keepalive
  readonly #intake: JsonRpcMessageReader
  #stage: Stage = OPEN
  #isPaused = false

  constructor(socket: FrameSocket, sink: Sink, options: WsChannelOptions, peer: Peer) {
    this.#socket = socket
    this.#sink = sink
    this.#options = options
    this.#peer = peer
    this.#alive = keepalive(this, socket.ping ? options : { ...options, pingIntervalMs: Infinity })
    this.#intake = new JsonRpcMessageReader(sink, this)
    socket.listen(this)
  }

  get address(): string {
    return this.#peer.address
  }

  get hearsPages(): boolean | undefined {
    return this.#options.hearsPages
  }

  send(message: JsonRpcMessage): Promise<void> {
    const text = toJson(message)
    const refusal =
      this.#stage.name === 'open'
        ? refusalOf(text, this.#socket, this.#options, this.address)
        : notWritable(this.address)
    if (refusal) return Promise.reject(refusal)
    this.#intake.sent(message)
    return this.#socket.send(text)
  }

  close(reason: Error | undefined): Promise<void> {
    return new Promise((resolve) => {
      const last = this.#stage
      if (last.name === 'over') {
        resolve()
        return
      }
      this.#alive[Symbol.dispose]()
      if (last.name === 'ending') last.late?.[Symbol.dispose]()
      this.#stage = { name: 'closing', late: this.#terminateLater(), closed: resolve }
      if (last.name !== 'open') return
      const code = (reason ?? !this.#options.isGoingAway?.()) ? codeFor(reason) : GOING_AWAY
      this.#socket.close(code, reasonText(reason, this.address))
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
    if (this.#stage.name !== 'open') return
    this.#alive.heard()
    this.#intake.text(text)
  }

  binary(): void {
    const message = `${this.address} sent a binary frame; messages are text frames`
    this.#end(new TransportError('MALFORMED_MESSAGE', message, { preview: '' }), UNSUPPORTED_DATA)
  }

  alive(): void {
    this.#alive.heard()
  }

  /** It is over, and the peer was told already. */
  failed(reason: Error): void {
    if (this.#stage.name !== 'open') return
    this.#alive[Symbol.dispose]()
    this.#stage = { name: 'ending', reason, late: this.#terminateLater() }
  }

  closed(code: number, reason: string): void {
    const last = this.#stage
    this.#stage = { name: 'over' }
    this.#alive[Symbol.dispose]()
    if (last.name === 'open') this.#sink.end(errorFor(code, reason, this))
    else if (last.name === 'ending') {
      last.late?.[Symbol.dispose]()
      this.#sink.end(last.reason)
    } else if (last.name === 'closing') {
      last.late[Symbol.dispose]()
      last.closed()
    }
  }

  abandon(reason: Error): void {
    this.#end(reason, codeFor(reason))
  }

  ping(): void {
    this.#socket.ping?.()
  }

  /** The peer is gone, and waiting for it would be in vain. */
  gone(): void {
    if (this.#stage.name !== 'open') return
    if (!this.#socket.isOpen) {
      // It has said why it closes, and only does not hang up: `closed` tells that.
      this.#socket.terminate()
      return
    }
    const { address } = this
    const reason = new TransportError('PEER_LOST', silentText(this.#options, address), { address })
    this.#stage = { name: 'ending', reason }
    this.#socket.terminate()
  }

  bytesReceived(): number {
    return this.#socket.bytesReceived
  }

  isPaused(): boolean {
    return this.#isPaused
  }

  /** Ends it from this side: tells the peer why, and the sink once the peer has hung up or taken too long. */
  #end(reason: Error, code: number): void {
    if (this.#stage.name !== 'open') return
    this.failed(reason)
    this.#socket.close(code, reasonText(reason, this.address))
  }

  #terminateLater(): Disposable {
    const { clock, closeTimeoutMs } = this.#options
    return clock.deadline(closeTimeoutMs, () => this.#socket.terminate())
  }
}

function refusalOf(
  text: string,
  { queuedBytes: waiting }: FrameSocket,
  { maxMessageBytes, maxQueuedBytes }: WsChannelOptions,
  address: string,
): Error | undefined {
  // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
  if (text.length * 3 <= maxMessageBytes && waiting + text.length * 3 <= maxQueuedBytes) return undefined
  const bytes = new TextEncoder().encode(text).length
  if (bytes > maxMessageBytes) return tooLargeToSend(bytes, maxMessageBytes)
  const queuedBytes = waiting + bytes
  return queuedBytes > maxQueuedBytes ? overloaded(address, queuedBytes, maxQueuedBytes) : undefined
}

function silentText({ pingIntervalMs, pongTimeoutMs }: WsChannelOptions, address: string): string {
  return `${address} was silent for ${pingIntervalMs} ms (pingIntervalMs) and ${pongTimeoutMs} ms more (pongTimeoutMs)`
}

function reasonText(reason: Error | undefined, address: string): string {
  const bytes = new TextEncoder().encode(textForPeer(reason, address) ?? '')
  if (bytes.length <= MAX_REASON_BYTES) return new TextDecoder().decode(bytes)
  // As a stream, so that a character that is cut is left out.
  return new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES), { stream: true })
}
