import {
  type Channel,
  type Clock,
  createIntake,
  type Flow,
  isTransportError,
  overloaded,
  type Peer,
  type Sink,
  TransportError,
  toJson,
  tooLargeToSend,
} from '@mcpwire/core'
import { codeFor, errorFor, GOING_AWAY } from './close-codes.js'
import type { FrameSocket } from './frame-socket.js'
import { keepalive } from './keepalive.js'

/** What a channel over a WebSocket needs to know. */
export interface WsChannelOptions {
  readonly peer: Peer
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly clock: Clock
  /** Whether this end is going away altogether, which is what it then says when it closes in order. */
  readonly isGoingAway?: (() => boolean) | undefined
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

/** A channel over an open WebSocket: one text frame a message. */
export function wsChannel(socket: FrameSocket, sink: Sink, options: WsChannelOptions): Channel {
  const { peer, clock, closeTimeoutMs } = options
  const { address } = peer
  let stage: Stage = { name: 'open' }
  let isPaused = false

  const alive = keepalive(
    {
      ping: () => socket.ping?.(),
      gone: () => lost(new TransportError('PEER_LOST', silentText(options), { address })),
      bytesReceived: () => socket.bytesReceived,
      isPaused: () => isPaused,
    },
    { ...options, pingIntervalMs: socket.ping ? options.pingIntervalMs : Infinity },
  )
  const intake = createIntake(sink, { address, abandon: (reason) => end(reason, codeFor(reason)) })

  /** Ends it from this side: tells the peer why, and the sink once the peer has hung up or taken too long. */
  function end(reason: Error, code: number): void {
    if (stage.name !== 'open') return
    failed(reason)
    socket.close(code, reasonText(reason))
  }

  /** It is over, and the peer was told already. */
  function failed(reason: Error): void {
    if (stage.name !== 'open') return
    alive[Symbol.dispose]()
    stage = { name: 'ending', reason, late: terminateLater() }
  }

  /** The peer is gone, and waiting for it would be in vain. */
  function lost(reason: Error): void {
    if (stage.name !== 'open') return
    stage = { name: 'ending', reason }
    socket.terminate()
  }

  function terminateLater(): Disposable {
    return clock.deadline(closeTimeoutMs, () => socket.terminate())
  }

  function closed(code: number, reason: string): void {
    const last = stage
    stage = { name: 'over' }
    alive[Symbol.dispose]()
    if (last.name === 'open') sink.end(errorFor(code, reason, address))
    else if (last.name === 'ending') {
      last.late?.[Symbol.dispose]()
      sink.end(last.reason)
    } else if (last.name === 'closing') {
      last.late[Symbol.dispose]()
      last.closed()
    }
  }

  function close(reason: Error | undefined): Promise<void> {
    return new Promise((resolve) => {
      const last = stage
      if (last.name === 'over') {
        resolve()
        return
      }
      alive[Symbol.dispose]()
      if (last.name === 'ending') last.late?.[Symbol.dispose]()
      stage = { name: 'closing', late: terminateLater(), closed: resolve }
      if (last.name !== 'open') return
      socket.close((reason ?? !options.isGoingAway?.()) ? codeFor(reason) : GOING_AWAY, reasonText(reason))
    })
  }

  function note(isPausedNow: boolean): void {
    isPaused = isPausedNow
  }

  socket.listen({
    text: (text) => {
      if (stage.name !== 'open') return
      alive.heard()
      intake.text(text)
    },
    binary: () => {
      const message = `${address} sent a binary frame; messages are text frames`
      end(new TransportError('MALFORMED_MESSAGE', message, { preview: '' }), UNSUPPORTED_DATA)
    },
    alive: () => alive.heard(),
    failed,
    closed,
  })

  return {
    peer,
    traffic: socket,
    send: (message) => {
      const text = toJson(message)
      const refusal = stage.name === 'open' ? refusalOf(text, socket, options) : gone(address)
      if (refusal) return Promise.reject(refusal)
      intake.sent(message)
      return socket.send(text)
    },
    close,
    ...(socket.flow && { flow: flowOf(socket.flow, note) }),
  }
}

function flowOf({ pause, resume }: Flow, note: (isPaused: boolean) => void): Flow {
  return {
    pause: () => {
      note(true)
      pause()
    },
    resume: () => {
      note(false)
      resume()
    },
  }
}

function refusalOf(
  text: string,
  { queuedBytes: waiting }: FrameSocket,
  { maxMessageBytes, maxQueuedBytes, peer }: WsChannelOptions,
): Error | undefined {
  // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
  if (text.length * 3 <= maxMessageBytes && waiting + text.length * 3 <= maxQueuedBytes) return undefined
  const bytes = new TextEncoder().encode(text).length
  if (bytes > maxMessageBytes) return tooLargeToSend(bytes, maxMessageBytes)
  const queuedBytes = waiting + bytes
  return queuedBytes > maxQueuedBytes ? overloaded(peer.address, queuedBytes, maxQueuedBytes) : undefined
}

/** What a send is answered with once nothing can leave any more. */
export function gone(address: string): Error {
  return new TransportError('SEND_FAILED', `${address} takes no more messages`, { delivery: 'none' })
}

function silentText({ peer, pingIntervalMs, pongTimeoutMs }: WsChannelOptions): string {
  return `${peer.address} was silent for ${pingIntervalMs} ms (pingIntervalMs) and ${pongTimeoutMs} ms more (pongTimeoutMs)`
}

/** Of errors of others, and of callbacks, nobody knows what their texts give away. */
function reasonText(reason: Error | undefined): string {
  if (!isTransportError(reason) || reason.code === 'CALLBACK_FAILED') return ''
  const bytes = new TextEncoder().encode(reason.message)
  if (bytes.length <= MAX_REASON_BYTES) return new TextDecoder().decode(bytes)
  // As a stream, so that a character that is cut is left out.
  return new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES), { stream: true })
}
