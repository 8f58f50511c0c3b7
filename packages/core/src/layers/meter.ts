import type { Clock } from '../contract/clock.js'
import type { Channel, Layer, Traffic } from '../contract/connector.js'
import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from '../contract/message.js'
import { clock } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, options } from '../contract/option-table.js'
import { LISTEN_METHOD } from '../contract/protocol.js'
import { cancelledBy } from '../messages/era.js'
import { createLatencyHistogram, type LatencyHistogram, type LatencySummary } from './latency-histogram.js'

/** Options of a meter. */
export interface MeterOptions {
  /**
   * The source of time for latencies.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const table = options<MeterOptions>({ clock: clock() })

/** The defaults of `meter`. */
export const meterDefaults: OptionDefaults<MeterOptions> = /* @__PURE__ */ defaultsOf(table)

/** The traffic in one direction. */
export interface DirectionSnapshot {
  readonly messages: number
  /** Bytes on the wire, counted by the channels. */
  readonly bytes: number
  /** Bytes before compression per byte on the wire; `undefined` without compressed traffic. */
  readonly compressionRatio: number | undefined
  /** The time from each request in this direction to its response. */
  readonly latency: LatencySummary
}

/** The counts of a meter over all its channels, closed ones included. */
export interface MeterSnapshot {
  readonly sent: DirectionSnapshot
  readonly received: DirectionSnapshot
  /** The number of reported errors, failed connections and connections that ended with a reason. */
  readonly errors: number
  readonly connections: {
    /** The number of connections that have opened. */
    readonly opened: number
    /** The number of open connections. */
    readonly open: number
    /** The number of attempts that did not open, aborted ones included. */
    readonly failed: number
  }
}

/** Counts the messages, bytes and errors that pass its layer. */
export interface Meter {
  /** The layer. It can be used for any number of transports; the counts are those of all together. */
  readonly layer: Layer
  snapshot(): MeterSnapshot
}

/** The most pending requests in one direction of a channel. Beyond it, the oldest is not measurement. */
const MAX_PENDING = 4_096

/**
 * Makes a meter of messages, bytes, errors, connections and latencies. It needs constant memory per channel. Requests
 * without a response have no latency, and neither have subscriptions, whose response marks their end.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const counts = meter()
 * const transport = withLayers(tcpClient({ port: 7000 }), counts.layer)
 * console.log(counts.snapshot().sent.latency.p99)
 * ```
 */
export function meter(given: MeterOptions = {}): Meter {
  const settings = table.read(given)
  const total = new Totals()
  return {
    layer: (next) => ({
      ...next,
      connect: async (sink, signal) => {
        const measurement = new Measurement(total, settings.clock)
        let channel: Channel
        try {
          channel = await next.connect(
            {
              message: (message, context) => {
                measurement.received(message)
                sink.message(message, context)
              },
              error: (error) => {
                total.errors++
                sink.error(error)
              },
              end: (reason) => {
                measurement.ended(reason)
                measurement.fold()
                sink.end(reason)
              },
            },
            signal,
          )
        } catch (error) {
          measurement.ended(signal.aborted ? undefined : error)
          throw error
        }
        measurement.opened(channel.traffic)
        return {
          ...channel,
          send: (message, sendOptions) => {
            measurement.sent(message)
            return channel.send(message, sendOptions)
          },
          close: async (reason) => {
            measurement.ended(reason)
            // Bytes that are written during the close count too.
            try {
              await channel.close(reason)
            } finally {
              measurement.fold()
            }
          },
        }
      },
    }),
    snapshot: () => total.snapshot(),
  }
}

/** The totals of one direction over all channels. */
interface Direction {
  messages: number
  readonly bytes: Bytes
  readonly latency: LatencyHistogram
}

/** Bytes on the wire, and those of compressing channels before and after compression. */
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

/** The measurement of one channel. */
class Measurement {
  readonly #total: Totals
  readonly #clock: Clock
  /** The time of each pending request, by its sender. */
  readonly #sentRequests = new Map<RequestId, number>()
  readonly #receivedRequests = new Map<RequestId, number>()
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
    this.#sentRequests.clear()
    this.#receivedRequests.clear()
  }

  /** Adds the final counts to the totals, so that the channel can be released. */
  fold(): void {
    const { live, sent, received } = this.#total
    if (this.#traffic && live.delete(this.#traffic)) addTraffic(this.#traffic, sent.bytes, received.bytes)
  }

  sent(message: JsonRpcMessage): void {
    this.#total.sent.messages++
    this.#observe(message, this.#sentRequests, this.#receivedRequests, this.#total.received.latency)
  }

  received(message: JsonRpcMessage): void {
    this.#total.received.messages++
    this.#observe(message, this.#receivedRequests, this.#sentRequests, this.#total.sent.latency)
  }

  /** `own` are the pending requests of the sender of the message, `others` those that it may respond to. */
  #observe(
    message: JsonRpcMessage,
    own: Map<RequestId, number>,
    others: Map<RequestId, number>,
    latency: LatencyHistogram,
  ): void {
    if (this.#life === 'over') return
    if (isResponse(message)) {
      const since = message.id === undefined ? undefined : others.get(message.id)
      if (since === undefined) return
      others.delete(message.id as RequestId)
      latency.record(this.#clock.now() - since)
    } else if (isRequest(message)) {
      if (message.method !== LISTEN_METHOD) addPending(own, message.id, this.#clock.now())
    } else {
      const id = cancelledBy(message)
      if (id !== undefined) own.delete(id)
    }
  }
}

function addPending(pending: Map<RequestId, number>, id: RequestId, now: number): void {
  if (pending.size >= MAX_PENDING) {
    const oldest = pending.keys().next()
    if (!oldest.done) pending.delete(oldest.value)
  }
  pending.set(id, now)
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
