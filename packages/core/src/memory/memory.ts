import type { BudgetAccount, ByteBudget } from '../contract/byte-budget.js'
import type { Channel, Connector, Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { type JsonRpcMessage, toJson } from '../contract/message.js'
import { integer } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, type OptionTable, options } from '../contract/option-table.js'
import type { Peer, Transport } from '../contract/transport.js'
import { overloaded, tooLargeToAccept, tooLargeToSend } from '../messages/message-limits.js'
import { createMessageReader, type MessageReader } from '../messages/message-reader.js'
import { type Deferred, deferred, ignore } from '../timing/promises.js'
import { createTransport } from '../transport/create-transport.js'
import { sentImmediately } from '../transport/pending-sends.js'
import { type CreateTransportOptions, createTransportOptions } from '../transport/transport-options.js'

/** Options of both ends of a memory pair. */
export interface MemoryPairOptions extends CreateTransportOptions {
  /**
   * Longest message to send or accept, in UTF-16 units of its JSON text, which are its bytes for ASCII text. A longer one
   * is rejected with `MESSAGE_TOO_LARGE`.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Largest queue for a paused end, in the same units. Beyond it, `send()` rejects with `OVERLOADED`.
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

/** The defaults of `memoryPair`. */
export const memoryPairDefaults: OptionDefaults<MemoryPairOptions> =
  /* @__PURE__ */ defaultsOf(memoryPairOptions)

/**
 * Makes two connected transports in this process. Messages cross as JSON text: the ends share no objects, and each clause
 * of the contract holds as on a wire.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const [clientSide, serverSide] = memoryPair()
 * await Promise.all([server.connect(serverSide), client.connect(clientSide)])
 * ```
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
  // An end that closes before its start has no channel that closes the other end.
  void pair[0].closed.then(() => closeEnd(a, b))
  void pair[1].closed.then(() => closeEnd(b, a))
  return pair
}

/** The limits of a memory connection. */
export interface MemoryLimits {
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
}

/** The configuration of one end. */
export interface MemoryEndOptions {
  readonly address: string
  readonly limits: MemoryLimits
}

/**
 * Makes the two ends of a memory connection, the second for a listener. Each connects once, immediately. Messages wait until the other end connects.
 * What waits for either end is counted in the budget. Beyond its limit, both ends end with its error.
 */
export function memoryConnectors(
  here: MemoryEndOptions,
  there: MemoryEndOptions,
  budget: ByteBudget,
): [Connector, Connector] {
  const ends = memoryEnds(here, there)
  const shed = (error: Error): void => {
    for (const end of ends) end.end((sink) => sink.end(error))
  }
  for (const end of ends) end.account = budget.open({ shed })
  const [a, b] = ends
  // What a client has not read after its connection ended is not the listener's.
  b.ended = () => {
    for (const { account } of ends) account?.close()
  }
  return [connectorOf(a, b), connectorOf(b, a)]
}

function memoryEnds(here: MemoryEndOptions, there: MemoryEndOptions): [End, End] {
  return [new End(here, there.address), new End(there, here.address)]
}

/** One end of a memory connection, with the queue of the messages for it. */
class End {
  readonly limits: MemoryLimits
  readonly address: string
  readonly peer: Peer
  readonly texts: string[] = []
  queuedBytes = 0
  traffic = { bytesSent: 0, bytesReceived: 0 }
  reader: MessageReader | undefined
  sink: Sink | undefined
  /** Counts the queue of an end of a listener. */
  account: BudgetAccount | undefined
  /** Called when this end has ended. */
  ended: (() => void) | undefined
  /** Ends the conversation for a reason. */
  abandon: ((error: Error) => void) | undefined
  isPaused = false
  isOver = false
  isScheduled = false
  /** Whether the other end has closed. Queued messages are delivered first. */
  isFinished = false
  /** Settles the sends above the high-water mark. */
  drained: Deferred<void> | undefined

  constructor({ limits, address }: MemoryEndOptions, peerAddress: string) {
    this.limits = limits
    this.address = address
    this.peer = Object.freeze({ medium: 'memory', address: peerAddress })
  }

  push(text: string): Promise<void> {
    this.texts.push(text)
    this.queuedBytes += text.length
    this.schedule()
    this.count()
    if (this.isOver) return Promise.reject(closedEndError(this.address, 'none'))
    if (this.queuedBytes <= HIGH_WATER_MARK) return sentImmediately
    this.drained ??= deferred()
    return this.drained.promise
  }

  schedule(): void {
    if (this.isScheduled || this.isPaused || !this.reader) return
    this.isScheduled = true
    queueMicrotask(() => {
      this.isScheduled = false
      this.deliver()
    })
  }

  /** Counts what waits. A short queue that is delivered in the next microtask costs nothing. */
  count(): void {
    const isWaiting = this.isPaused || !this.reader || this.queuedBytes > HIGH_WATER_MARK
    this.account?.hold(isWaiting ? this.queuedBytes : 0)
  }

  /** Delivers queued messages, at most `SLICE_BYTES` and one message at once. Then other connections are served. */
  deliver(): void {
    let next = 0
    const restBytes = this.queuedBytes - SLICE_BYTES
    while (next < this.texts.length && this.queuedBytes > restBytes && !this.isPaused && !this.isOver) {
      const text = this.texts[next++] as string
      this.queuedBytes -= text.length
      this.traffic.bytesReceived += text.length
      if (text.length > this.limits.maxMessageBytes) this.rejectTooLarge(text.length)
      else this.reader?.text(text)
    }
    this.texts.splice(0, next)
    this.count()
    if (this.texts.length > 0) this.schedule()
    if (this.queuedBytes <= HIGH_WATER_MARK) {
      this.drained?.resolve()
      this.drained = undefined
    }
    if (this.isFinished && this.texts.length === 0 && !this.isOver) this.end((sink) => sink.end())
  }

  /** Possible where the other end has a higher limit. */
  rejectTooLarge(bytes: number): void {
    const { maxMessageBytes } = this.limits
    this.abandon?.(tooLargeToAccept(bytes, maxMessageBytes, this.peer.address))
  }

  /** Releases everything, then calls `notify` where the end was connected. */
  end(notify?: (sink: Sink) => void): void {
    if (this.isOver) return
    this.isOver = true
    this.texts.length = 0
    this.queuedBytes = 0
    this.account?.hold(0)
    this.ended?.()
    this.drained?.reject(closedEndError(this.address, 'unknown'))
    this.drained = undefined
    const { sink } = this
    this.sink = undefined
    this.reader = undefined
    if (sink) notify?.(sink)
  }
}

const HIGH_WATER_MARK = 65_536
/** The bytes after which an end gives way to others. */
const SLICE_BYTES = 65_536

function connectorOf(here: End, there: End): Connector {
  return {
    connectsOnce: true,
    peer: here.peer,
    connect: async (sink, signal) => {
      signal.throwIfAborted()
      if (here.sink || here.isOver || there.isOver) {
        const { address } = here.peer
        throw new TransportError('CONNECT_FAILED', `${address} is closed`, { address })
      }
      here.sink = sink
      here.abandon = (error) => {
        finish(there)
        here.end((ended) => ended.end(error))
      }
      here.reader = createMessageReader(sink, {
        address: here.peer.address,
        abandon: here.abandon,
        respond: (text) => respond(here, there, text),
      })
      // Messages that were sent before this end connected.
      here.schedule()
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
      if (there.isOver) return Promise.reject(closedEndError(there.address, 'none'))
      const queuedBytes = there.queuedBytes + text.length
      if (queuedBytes > maxQueuedBytes)
        return Promise.reject(overloaded(here.peer.address, queuedBytes, maxQueuedBytes))
      here.reader?.sent(message)
      here.traffic.bytesSent += text.length
      return there.push(text)
    },
    close: async () => closeEnd(here, there),
    flow: {
      pause: () => {
        here.isPaused = true
        here.count()
      },
      resume: () => {
        here.isPaused = false
        here.schedule()
      },
    },
  }
}

/** Sends an error response to a malformed request, unless the queue is full. */
function respond(here: End, there: End, text: string): void {
  const { maxQueuedBytes } = here.limits
  const queuedBytes = there.queuedBytes + text.length
  if (queuedBytes > maxQueuedBytes)
    here.sink?.error(overloaded(here.peer.address, queuedBytes, maxQueuedBytes))
  else if (!there.isOver) {
    here.traffic.bytesSent += text.length
    there.push(text).catch(ignore)
  }
}

function closedEndError(address: string, delivery: 'none' | 'unknown'): TransportError {
  return new TransportError('SEND_FAILED', `${address} has closed`, { delivery })
}

function closeEnd(here: End, there: End): void {
  here.end()
  finish(there)
}

/** Ends the input of an end, after its queued messages. */
function finish(end: End): void {
  end.isFinished = true
  end.schedule()
}

/** The message as JSON text. Throws `MESSAGE_TOO_LARGE`, or `SEND_FAILED` where there is no JSON text. */
function encode(message: JsonRpcMessage, maxMessageBytes: number): string {
  const text = toJson(message)
  if (text.length > maxMessageBytes) throw tooLargeToSend(text.length, maxMessageBytes)
  return text
}
