import type { Clock } from '../contract/clock.js'
import type { Channel, Layer, Traffic } from '../contract/connector.js'
import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from '../contract/message.js'
import { clock } from '../contract/option-rules.js'
import { type OptionDefaults, options } from '../contract/option-table.js'
import { LISTEN_METHOD } from '../contract/protocol.js'
import { cancelledBy } from '../messages/era.js'
import { createLatencyHistogram, type LatencyHistogram, type LatencySummary } from './latency-histogram.js'

/** Options of a meter. */
export interface MeterOptions {
  /**
   * What latencies are measured with.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const table = options<MeterOptions>({ clock: clock() })

/** The defaults of `meter`. */
export const meterDefaults: OptionDefaults<MeterOptions> = table.defaults

/** What passed in one direction. */
export interface DirectionSnapshot {
  readonly messages: number
  /** Bytes on the wire, as the channels count them. */
  readonly bytes: number
  /** Bytes before compression for each byte on the wire; undefined until a channel that compresses carried some. */
  readonly compressionRatio: number | undefined
  /** How long the requests that went this way waited for their response. */
  readonly latency: LatencySummary
}

/** Everything a meter counted so far, over all its channels, ended ones included. */
export interface MeterSnapshot {
  readonly sent: DirectionSnapshot
  readonly received: DirectionSnapshot
  /** What was reported, what ended a conversation out of order and what kept one from opening. */
  readonly errors: number
  readonly connections: {
    /** How many ever opened. */
    readonly opened: number
    /** How many are open now. */
    readonly open: number
    /** How many attempts did not open, given up ones included. */
    readonly failed: number
  }
}

/** Counts what passes through its layer. */
export interface Meter {
  /** May be put around any number of transports; the counts are those of all together. */
  readonly layer: Layer
  snapshot(): MeterSnapshot
}

/** The most requests in one direction of a channel whose response is awaited; beyond it the oldest is given up. */
const MAX_AWAITED = 4_096

/**
 * Makes a meter: messages, bytes, errors, connections and latencies, in constant memory for each channel. Requests
 * that are never answered, are cancelled or whose channel ends leave nothing behind and count as no latency, and
 * neither do subscriptions, which are answered when they end.
 */
export function meter(given: MeterOptions = {}): Meter {
  const settings = table.read(given)
  const total = new Totals()
  return {
    layer: (next) => ({
      ...next,
      connect: async (sink, signal) => {
        const measured = new Measured(total, settings.clock)
        let channel: Channel
        try {
          channel = await next.connect(
            {
              message: (message, context) => {
                measured.received(message)
                sink.message(message, context)
              },
              error: (error) => {
                total.errors++
                sink.error(error)
              },
              end: (reason) => {
                measured.ended(reason)
                measured.fold()
                sink.end(reason)
              },
            },
            signal,
          )
        } catch (error) {
          measured.ended(signal.aborted ? undefined : error)
          throw error
        }
        measured.opened(channel.traffic)
        return {
          ...channel,
          send: (message, sendOptions) => {
            measured.sent(message)
            return channel.send(message, sendOptions)
          },
          close: async (reason) => {
            measured.ended(reason)
            // What is still written while it closes counts too.
            try {
              await channel.close(reason)
            } finally {
              measured.fold()
            }
          },
        }
      },
    }),
    snapshot: () => total.snapshot(),
  }
}

/** One direction, added up over all channels. */
interface Direction {
  messages: number
  readonly bytes: Bytes
  readonly latency: LatencyHistogram
}

/** Bytes on the wire, and those of channels that compress, before and after it. */
interface Bytes {
  wire: number
  plain: number
  packed: number
}

class Totals {
  readonly sent: Direction = createDirection()
  readonly received: Direction = createDirection()
  readonly live = new Set<Traffic>()
  readonly connections = { opened: 0, open: 0, failed: 0 }
  errors = 0

  snapshot(): MeterSnapshot {
    const sent = { ...this.sent.bytes }
    const received = { ...this.received.bytes }
    for (const traffic of this.live) addTraffic(traffic, sent, received)
    return {
      sent: summaryOf(this.sent, sent),
      received: summaryOf(this.received, received),
      errors: this.errors,
      connections: { ...this.connections },
    }
  }
}

/** The part one channel has in the totals. */
class Measured {
  readonly #total: Totals
  readonly #clock: Clock
  /** When each request that awaits its response passed, by the side that sent it. */
  readonly #askedHere = new Map<RequestId, number>()
  readonly #askedThere = new Map<RequestId, number>()
  #life: 'connecting' | 'open' | 'over' = 'connecting'
  #traffic: Traffic | undefined

  constructor(total: Totals, clock: Clock) {
    this.#total = total
    this.#clock = clock
  }

  opened(traffic: Traffic | undefined): void {
    if (this.#life !== 'connecting') return
    this.#life = 'open'
    this.#total.connections.opened++
    this.#total.connections.open++
    this.#traffic = traffic
    if (traffic) this.#total.live.add(traffic)
  }

  ended(reason: unknown): void {
    if (this.#life === 'over') return
    if (reason !== undefined) this.#total.errors++
    if (this.#life === 'open') this.#total.connections.open--
    else this.#total.connections.failed++
    this.#life = 'over'
    this.#askedHere.clear()
    this.#askedThere.clear()
  }

  /** Takes the final counts, so that the channel itself can go. */
  fold(): void {
    const { live, sent, received } = this.#total
    if (this.#traffic && live.delete(this.#traffic)) addTraffic(this.#traffic, sent.bytes, received.bytes)
  }

  sent(message: JsonRpcMessage): void {
    this.#total.sent.messages++
    this.#watch(message, this.#askedHere, this.#askedThere, this.#total.received.latency)
  }

  received(message: JsonRpcMessage): void {
    this.#total.received.messages++
    this.#watch(message, this.#askedThere, this.#askedHere, this.#total.sent.latency)
  }

  /** `asked` are the requests of the side the message comes from, `awaited` those it may answer. */
  #watch(
    message: JsonRpcMessage,
    asked: Map<RequestId, number>,
    awaited: Map<RequestId, number>,
    latency: LatencyHistogram,
  ): void {
    if (this.#life === 'over') return
    if (isResponse(message)) {
      const since = message.id === undefined ? undefined : awaited.get(message.id)
      if (since === undefined) return
      awaited.delete(message.id as RequestId)
      latency.record(this.#clock.now() - since)
    } else if (isRequest(message)) {
      if (message.method !== LISTEN_METHOD) remember(asked, message.id, this.#clock.now())
    } else {
      const id = cancelledBy(message)
      if (id !== undefined) asked.delete(id)
    }
  }
}

function remember(asked: Map<RequestId, number>, id: RequestId, now: number): void {
  if (asked.size >= MAX_AWAITED) {
    const oldest = asked.keys().next()
    if (!oldest.done) asked.delete(oldest.value)
  }
  asked.set(id, now)
}

function createDirection(): Direction {
  return { messages: 0, bytes: { wire: 0, plain: 0, packed: 0 }, latency: createLatencyHistogram() }
}

function addTraffic(traffic: Traffic, sent: Bytes, received: Bytes): void {
  add(sent, traffic.bytesSent, traffic.uncompressedBytesSent)
  add(received, traffic.bytesReceived, traffic.uncompressedBytesReceived)
}

function add(bytes: Bytes, wire: number, plain: number | undefined): void {
  bytes.wire += wire
  if (plain === undefined) return
  bytes.plain += plain
  bytes.packed += wire
}

function summaryOf({ messages, latency }: Direction, { wire, plain, packed }: Bytes): DirectionSnapshot {
  return {
    messages,
    bytes: wire,
    compressionRatio: packed > 0 && plain > 0 ? plain / packed : undefined,
    latency: latency.summary(),
  }
}
