import {
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type TransportLike,
} from '@mcpwire/core'
import { initializeResponse } from './handshake.js'
import { notificationOf, requestOf, responseTo } from './messages.js'
import type { Counts, Driver, Load } from './suite.js'

/** Requests and responses, with a fixed number of requests in flight. Both count as messages. */
export interface RoundTrips extends Load {
  readonly kind: 'round-trips'
  readonly inFlight: number
  readonly requestBytes?: number
}

/** Bursts of notifications. Each burst ends with a request. Its response starts the next burst. Two bursts overlap. */
export interface OneWay extends Load {
  readonly kind: 'one-way'
  readonly burst: number
}

/** A load for any two connected transports. */
export type ExchangeLoad = RoundTrips | OneWay

/** Round trips with that many in flight. A request has about 200 bytes without `requestBytes`. */
export function roundTrips(inFlight: number, requestBytes?: number): RoundTrips {
  const size = requestBytes === undefined ? '' : `, ${requestBytes} B`
  return {
    id: `round-trips-${inFlight}${requestBytes === undefined ? '' : `-${requestBytes}`}`,
    label: `round trips, ${inFlight} in flight${size}`,
    kind: 'round-trips',
    inFlight,
    ...(requestBytes !== undefined && { requestBytes }),
  }
}

/** One-way notifications in bursts. */
export function oneWay(burst = 64): OneWay {
  return { id: `one-way-${burst}`, label: `one way, bursts of ${burst}`, kind: 'one-way', burst }
}

/**
 * Responds to every request on a transport. With `defer` it responds in a microtask, as a request handler does. Both ends
 * in one process need that, where `send` can deliver synchronously.
 */
export function respond(wire: TransportLike, { defer = false } = {}): Promise<void> {
  wire.onmessage = (message) => {
    if (!isRequest(message)) return
    if (defer) queueMicrotask(() => void wire.send(responseFor(message)))
    else void wire.send(responseFor(message))
  }
  return wire.start()
}

/** The response of a benchmark server. */
export function responseFor(request: JsonRpcRequest): JsonRpcMessage {
  return request.method === 'initialize' ? initializeResponse(request) : responseTo(request.id)
}

/** Starts the transport and loads it. A rejected send, an error or an early end fails the process. */
export async function exchangeDriver(wire: TransportLike): Promise<Driver<ExchangeLoad>> {
  const conversation = new Conversation(wire)
  await wire.start()
  return {
    run: (load, milliseconds) =>
      load.kind === 'one-way'
        ? conversation.oneWay(load, milliseconds)
        : conversation.roundTrips(load, milliseconds),
    close: () => conversation.close(),
  }
}

const RING = 65_536
const MASK = RING - 1
const MAX_LATENCIES = 1_000_000
const BURSTS_UNDER_WAY = 2
/** Reading the clock costs a tenth of a message in memory. With several requests in flight few are timed. */
const TIMED_EVERY = 8

class Conversation {
  readonly #wire: TransportLike
  readonly #inFlight = new Float64Array(RING).fill(-1)
  readonly #sentAt = new Float64Array(RING)
  #nextId = 0
  #onresponse: (id: number) => void = () => {}
  #fail: (error: Error) => void = (error) => {
    throw error
  }

  constructor(wire: TransportLike) {
    this.#wire = wire
    wire.onmessage = (message) => this.#receive(message)
    wire.onerror = (error) => this.#fail(error)
    wire.onclose = () => this.#fail(new Error('the other end has closed'))
  }

  async close(): Promise<void> {
    this.#wire.onerror = undefined
    this.#wire.onclose = undefined
    await this.#wire.close()
  }

  roundTrips({ inFlight, requestBytes }: RoundTrips, milliseconds: number): Promise<Counts> {
    const every = inFlight === 1 ? 1 : TIMED_EVERY
    const latencies: number[] = []
    let waiting = 0
    let answered = 0
    let isOver = false
    const startedAt = performance.now()
    const sendNext = (): void => {
      const id = this.#nextId++
      waiting++
      this.#inFlight[id & MASK] = id
      if (id % every === 0) this.#sentAt[id & MASK] = performance.now()
      void this.#wire.send(requestOf(id, requestBytes))
    }
    return new Promise((resolve, reject) => {
      this.#fail = reject
      this.#onresponse = (id) => {
        waiting--
        answered++
        if (id % every === 0) {
          const now = performance.now()
          if (latencies.length < MAX_LATENCIES)
            latencies.push((now - (this.#sentAt[id & MASK] as number)) * 1000)
          if (now - startedAt >= milliseconds) isOver = true
        }
        if (!isOver) sendNext()
        else if (waiting === 0) {
          const seconds = (performance.now() - startedAt) / 1000
          resolve({ messages: answered * 2, seconds, latencies: Float64Array.from(latencies) })
        }
      }
      for (let count = 0; count < inFlight; count++) sendNext()
    })
  }

  oneWay({ burst }: OneWay, milliseconds: number): Promise<Counts> {
    let underWay = 0
    let bursts = 0
    const startedAt = performance.now()
    const sendBurst = (): void => {
      underWay++
      for (let count = 1; count < burst; count++) void this.#wire.send(notificationOf(count))
      const id = this.#nextId++
      this.#inFlight[id & MASK] = id
      void this.#wire.send(requestOf(id))
    }
    return new Promise((resolve, reject) => {
      this.#fail = reject
      this.#onresponse = () => {
        underWay--
        bursts++
        const elapsed = performance.now() - startedAt
        if (elapsed < milliseconds) sendBurst()
        else if (underWay === 0) resolve({ messages: bursts * (burst + 1), seconds: elapsed / 1000 })
      }
      for (let count = 0; count < BURSTS_UNDER_WAY; count++) sendBurst()
    })
  }

  #receive(message: JsonRpcMessage): void {
    const id = isResponse(message) ? (message.id as number) : -1
    if (id < 0 || this.#inFlight[id & MASK] !== id) {
      this.#fail(new Error(`a response to ${id}, which is not in flight`))
      return
    }
    this.#inFlight[id & MASK] = -1
    this.#onresponse(id)
  }
}
