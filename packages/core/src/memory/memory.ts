import type { Channel, Connector, Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { type JsonRpcMessage, toJson } from '../contract/message.js'
import { integer } from '../contract/option-rules.js'
import { type OptionDefaults, type OptionTable, options } from '../contract/option-table.js'
import type { Peer, Transport } from '../contract/transport.js'
import { overloaded, tooLargeToAccept, tooLargeToSend } from '../messages/message-limits.js'
import { createMessageReader, type MessageReader } from '../messages/message-reader.js'
import {
  type CreateTransportOptions,
  createTransport,
  createTransportOptions,
} from '../transport/create-transport.js'
import { sentImmediately } from '../transport/pending-sends.js'

/** Options of a memory pair; they hold for both of its ends. */
export interface MemoryPairOptions extends CreateTransportOptions {
  /**
   * Longest message either end sends or accepts, in UTF-16 units of its JSON text, which is its bytes where the
   * text is ASCII. A longer one is rejected with `MESSAGE_TOO_LARGE`.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most that may wait for an end that has paused, counted alike. Beyond it `send()` rejects with `OVERLOADED`.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
}

/** The options of both ends of a memory connection. */
export const memoryPairOptions: OptionTable<MemoryPairOptions> = options<MemoryPairOptions>({
  ...createTransportOptions.rules,
  maxMessageBytes: integer(1024, Infinity, 10_485_760),
  maxQueuedBytes: integer(1024, Infinity, 16_777_216),
})

/** What `memoryPair` uses for options that are not given. */
export const memoryPairDefaults: OptionDefaults<MemoryPairOptions> = memoryPairOptions.defaults

/**
 * Two transports in this process, connected to each other. Messages cross as JSON text, so that nothing is shared
 * between the ends and every clause of the contract holds as it does on a wire.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function memoryPair(given: MemoryPairOptions = {}): [Transport, Transport] {
  const settings = memoryPairOptions.read(given)
  const [a, b] = memoryEnds(
    { address: 'memory:a', limits: settings },
    { address: 'memory:b', limits: settings },
  )
  const pair: [Transport, Transport] = [
    createTransport(connectorOf(a, b), settings),
    createTransport(connectorOf(b, a), settings),
  ]
  // An end that is closed before it was started has no channel that could tell the other.
  void pair[0].closed.then(() => leave(a, b))
  void pair[1].closed.then(() => leave(b, a))
  return pair
}

/** What bounds a memory connection. */
export interface MemoryLimits {
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
}

/** One end of a connection in memory, as it is configured. */
export interface MemoryEndOptions {
  readonly address: string
  readonly limits: MemoryLimits
}

/** The two ends of one connection in memory. Each connects once, at once; what it sends waits for the other to connect. */
export function memoryConnectors(here: MemoryEndOptions, there: MemoryEndOptions): [Connector, Connector] {
  const [a, b] = memoryEnds(here, there)
  return [connectorOf(a, b), connectorOf(b, a)]
}

function memoryEnds(here: MemoryEndOptions, there: MemoryEndOptions): [End, End] {
  return [new End(here, there.address), new End(there, here.address)]
}

/** One end of a connection in memory: what was sent to it and not yet delivered, and where to deliver it. */
class End {
  readonly limits: MemoryLimits
  readonly address: string
  readonly peer: Peer
  readonly texts: string[] = []
  queuedBytes = 0
  traffic = { bytesSent: 0, bytesReceived: 0 }
  intake: MessageReader | undefined
  sink: Sink | undefined
  /** Ends the conversation for a reason. */
  abandon: ((error: Error) => void) | undefined
  isPaused = false
  isOver = false
  isTurnDue = false
  /** Whether the other end is done sending; what is queued is delivered first. */
  isFinished = false
  /** Senders that wait for the queue to fall below its high-water mark. */
  drained: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined

  constructor({ limits, address }: MemoryEndOptions, peerAddress: string) {
    this.limits = limits
    this.address = address
    this.peer = Object.freeze({ medium: 'memory', address: peerAddress })
  }

  take(text: string): Promise<void> {
    this.texts.push(text)
    this.queuedBytes += text.length
    this.turnSoon()
    if (this.queuedBytes <= HIGH_WATER_MARK) return sentImmediately
    if (!this.drained) {
      let resolve!: () => void
      let reject!: (error: Error) => void
      const promise = new Promise<void>((taken, failed) => {
        resolve = taken
        reject = failed
      })
      this.drained = { promise, resolve, reject }
    }
    return this.drained.promise
  }

  turnSoon(): void {
    if (this.isTurnDue || this.isPaused || !this.intake) return
    this.isTurnDue = true
    queueMicrotask(() => {
      this.isTurnDue = false
      this.turn()
    })
  }

  turn(): void {
    let next = 0
    while (next < this.texts.length && !this.isPaused && !this.isOver) {
      const text = this.texts[next++] as string
      this.queuedBytes -= text.length
      this.traffic.bytesReceived += text.length
      if (text.length > this.limits.maxMessageBytes) this.refuseAll(text.length)
      else this.intake?.text(text)
    }
    this.texts.splice(0, next)
    if (this.queuedBytes <= HIGH_WATER_MARK) {
      this.drained?.resolve()
      this.drained = undefined
    }
    if (this.isFinished && this.texts.length === 0 && !this.isOver) this.over((sink) => sink.end())
  }

  /** The other end may have a higher limit than this one. */
  refuseAll(bytes: number): void {
    const { maxMessageBytes } = this.limits
    this.abandon?.(tooLargeToAccept(bytes, maxMessageBytes, this.peer.address))
  }

  /** Lets go of everything; `tell` hears of it where the end had a listener. */
  over(tell?: (sink: Sink) => void): void {
    if (this.isOver) return
    this.isOver = true
    this.texts.length = 0
    this.queuedBytes = 0
    this.drained?.reject(goneError(this.address, 'unknown'))
    this.drained = undefined
    const { sink } = this
    this.sink = undefined
    this.intake = undefined
    if (sink) tell?.(sink)
  }
}

const HIGH_WATER_MARK = 65_536

function connectorOf(here: End, there: End): Connector {
  return {
    connectsOnce: true,
    peer: here.peer,
    connect: async (sink, signal) => {
      signal.throwIfAborted()
      if (here.sink || here.isOver || there.isOver) {
        const { address } = here.peer
        throw new TransportError('CONNECT_FAILED', `${address} is gone`, { address })
      }
      here.sink = sink
      here.abandon = (error) => {
        finish(there)
        here.over((listener) => listener.end(error))
      }
      here.intake = createMessageReader(sink, { address: here.peer.address, abandon: here.abandon })
      // What the other end sent before this one was there.
      here.turnSoon()
      return channelOf(here, there)
    },
  }
}

function channelOf(here: End, there: End): Channel {
  const { maxMessageBytes, maxQueuedBytes } = here.limits
  return {
    peer: here.peer,
    traffic: here.traffic,
    send: (message) => {
      const text = encode(message, maxMessageBytes)
      if (there.isOver) return Promise.reject(goneError(there.address, 'none'))
      const queuedBytes = there.queuedBytes + text.length
      if (queuedBytes > maxQueuedBytes)
        return Promise.reject(overloaded(here.peer.address, queuedBytes, maxQueuedBytes))
      here.intake?.sent(message)
      here.traffic.bytesSent += text.length
      return there.take(text)
    },
    close: async () => leave(here, there),
    flow: {
      pause: () => {
        here.isPaused = true
      },
      resume: () => {
        here.isPaused = false
        here.turnSoon()
      },
    },
  }
}

function goneError(address: string, delivery: 'none' | 'unknown'): TransportError {
  return new TransportError('SEND_FAILED', `${address} has closed`, { delivery })
}

function leave(here: End, there: End): void {
  here.over()
  finish(there)
}

/** Tells an end that nothing more comes, behind what is still queued for it. */
function finish(end: End): void {
  end.isFinished = true
  end.turnSoon()
}

/**
 * The message as JSON text. Throws `MESSAGE_TOO_LARGE`, or `SEND_FAILED` where it has no JSON text.
 */
function encode(message: JsonRpcMessage, maxMessageBytes: number): string {
  const text = toJson(message)
  if (text.length > maxMessageBytes) throw tooLargeToSend(text.length, maxMessageBytes)
  return text
}
