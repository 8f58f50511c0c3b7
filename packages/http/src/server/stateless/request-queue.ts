import type {
  BudgetAccount,
  ByteBudget,
  Clock,
  JsonRpcRequest,
  MessageContext,
  TransportError,
} from '@mcpwire/core'
import { FairQueue } from '@mcpwire/core/authoring'
import { type HttpFailure, overloaded } from '../request/http-errors.js'
import type { StatelessRequest } from './stateless-request.js'

/** A request with its message and context. */
export interface QueuedRequest {
  readonly request: StatelessRequest
  /** The message, or its JSON text while it waits: a text takes as many bytes as are counted. */
  message: JsonRpcRequest | string
  readonly context: MessageContext
  /** The principal that the gate names, or the address. Callers take turns. */
  readonly caller: string
  /** The connection of the caller. Those of one caller take turns, too. */
  readonly connection: string
}

/** How long the turn of a cancelled request stays unused. */
const CANCELLATION_MS = 10

/** The services of the endpoint that a queue uses. */
export interface QueueHost {
  readonly clock: Clock
  readonly budget: ByteBudget | undefined
  readonly bodyTimeoutMs: number
  readonly maxInFlight: number
  readonly maxInFlightPerCaller: number
}

/** The handlers of a queue. */
export interface QueueHandlers {
  /** Sends a request to the application. */
  forward(queued: QueuedRequest, message: JsonRpcRequest): void
  /** A waiting request was refused. */
  refused(queued: QueuedRequest): void
}

/**
 * The requests for one connection to the application. A request waits while the application is not connected or has
 * paused, and while its caller has `maxInFlightPerCaller` requests in flight. Callers take turns.
 */
export class RequestQueue {
  readonly #host: QueueHost
  readonly #handlers: QueueHandlers
  readonly #queue: FairQueue<QueuedRequest>
  /** By caller. */
  readonly #waiting = new Map<string, WaitingBytes>()
  #isPaused = true
  #isForwarding = false
  /** The callers of requests that were just cancelled. */
  readonly #cancelled: string[] = []
  #cancellation: Disposable | undefined
  /** Runs while requests wait for a paused application. */
  #deadline: Disposable | undefined

  constructor(host: QueueHost, handlers: QueueHandlers) {
    this.#host = host
    this.#handlers = handlers
    this.#queue = new FairQueue(host.maxInFlightPerCaller)
  }

  /** The number of waiting requests. */
  get size(): number {
    return this.#queue.size
  }

  /** Forwards a request, now or in its turn. `text` is its JSON text, where it has one. */
  add(queued: QueuedRequest, text: string | undefined): void {
    const { message, caller, connection } = queued
    if (!this.#isPaused && !this.#isForwarding && this.#queue.take(caller)) {
      this.#handlers.forward(queued, message as JsonRpcRequest)
      return
    }
    if (text !== undefined) queued.message = text
    this.#queue.add(caller, connection, queued)
    this.#watch()
    // Last: it may refuse this request, or others.
    this.#waitingOf(caller)?.add(queued, text?.length ?? lengthOf(queued))
  }

  /** At `maxInFlight`, refuses a request of the caller with the most waiting ones in favour of one more. */
  makeRoom({ caller, connection }: Pick<QueuedRequest, 'caller' | 'connection'>): boolean {
    const removed = this.#queue.makeRoom(caller, connection)
    if (!removed) return false
    const { maxInFlight } = this.#host
    const reason = `maxInFlight (${maxInFlight}) requests are in flight, and most of them are of this caller`
    this.#refused(removed, overloaded(reason, 'maxInFlight'))
    return true
  }

  /** A forwarded request of a caller is not in flight any more. */
  done(caller: string): void {
    this.#queue.done(caller)
    this.#forward()
  }

  /**
   * A forwarded request of a caller was cancelled. Its turn goes to the next one a moment later: a client that
   * disconnects cancels all its requests, one after another, and those that wait must not be forwarded meanwhile.
   */
  cancelled(caller: string): void {
    this.#cancelled.push(caller)
    this.#cancellation ??= this.#host.clock.deadline(CANCELLATION_MS, () => {
      this.#cancellation = undefined
      for (const each of this.#cancelled.splice(0)) this.#queue.done(each)
      this.#forward()
    })
  }

  /** Removes a request whose client has disconnected. Returns false if it does not wait. */
  drop(queued: QueuedRequest): boolean {
    if (!this.#queue.drop(queued.caller, queued.connection, queued)) return false
    this.#release(queued)
    return true
  }

  /** Forwards nothing until `resume()`. */
  pause(): void {
    this.#isPaused = true
    this.#watch()
  }

  resume(): void {
    this.#isPaused = false
    this.#unwatch()
    this.#forward()
  }

  /** Ends, and returns the waiting requests. */
  close(): QueuedRequest[] {
    this.#cancellation?.[Symbol.dispose]()
    this.pause()
    return this.#takeAll()
  }

  #takeAll(): QueuedRequest[] {
    const all = this.#queue.takeAll()
    for (const queued of all) this.#release(queued)
    return all
  }

  #forward(): void {
    if (this.#isForwarding) return
    this.#isForwarding = true
    try {
      while (!this.#isPaused) {
        const queued = this.#queue.next()
        if (!queued) return
        this.#release(queued)
        this.#handlers.forward(queued, messageOf(queued))
      }
    } finally {
      this.#isForwarding = false
    }
  }

  #refuse(queued: QueuedRequest, failure: HttpFailure): void {
    if (this.#queue.drop(queued.caller, queued.connection, queued)) this.#refused(queued, failure)
  }

  #refused(queued: QueuedRequest, failure: HttpFailure): void {
    this.#release(queued)
    queued.request.fail({ ...failure, id: queued.request.id })
    this.#handlers.refused(queued)
  }

  #release(queued: QueuedRequest): void {
    const waiting = this.#waiting.get(queued.caller)
    waiting?.delete(queued)
    if (waiting?.isEmpty) this.#waiting.delete(queued.caller)
    if (this.size === 0) this.#unwatch()
  }

  #waitingOf(caller: string): WaitingBytes | undefined {
    const { budget } = this.#host
    const found = this.#waiting.get(caller)
    if (found || !budget) return found
    const opened = new WaitingBytes(budget, (queued, { message, details }) =>
      this.#refuse(queued, overloaded(message, details.option)),
    )
    this.#waiting.set(caller, opened)
    return opened
  }

  /** Limits how long requests wait for a paused application. */
  #watch(): void {
    if (!this.#isPaused || this.size === 0) return
    const { clock, bodyTimeoutMs } = this.#host
    this.#deadline ??= clock.deadline(bodyTimeoutMs, () => {
      this.#deadline = undefined
      const reason = `the application accepted no request for bodyTimeoutMs (${bodyTimeoutMs})`
      for (const queued of this.#takeAll()) this.#refused(queued, overloaded(reason, 'bodyTimeoutMs'))
    })
  }

  #unwatch(): void {
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = undefined
  }
}

/**
 * The waiting requests of one caller. They count together in the budget: a caller with many of them is refused before the
 * connection to the application, which all callers share, ends for the messages that it holds itself.
 */
class WaitingBytes {
  readonly #bytes = new Map<QueuedRequest, number>()
  readonly #account: BudgetAccount
  #total = 0

  constructor(
    budget: ByteBudget,
    refuse: (queued: QueuedRequest, error: TransportError<'OVERLOADED'>) => void,
  ) {
    this.#account = budget.open({
      shed: (error, excessBytes) => {
        const rest = this.#total - excessBytes
        while (this.#total > rest && this.#bytes.size > 0) refuse(this.#largest(), error)
      },
    })
  }

  get isEmpty(): boolean {
    return this.#bytes.size === 0
  }

  add(queued: QueuedRequest, bytes: number): void {
    this.#bytes.set(queued, bytes)
    this.#total += bytes
    this.#account.hold(this.#total)
  }

  delete(queued: QueuedRequest): void {
    this.#total -= this.#bytes.get(queued) ?? 0
    this.#bytes.delete(queued)
    if (this.isEmpty) this.#account.close()
    else this.#account.hold(this.#total)
  }

  #largest(): QueuedRequest {
    const [first, ...others] = this.#bytes
    const [queued] = others.reduce(
      (most, each) => (each[1] > most[1] ? each : most),
      first as [QueuedRequest, number],
    )
    return queued
  }
}

const BYTE_ORDER_MARK = 0xfeff

/** The message of a request, whose text was valid before. */
function messageOf({ message }: QueuedRequest): JsonRpcRequest {
  if (typeof message !== 'string') return message
  return JSON.parse(message.charCodeAt(0) === BYTE_ORDER_MARK ? message.slice(1) : message)
}

/** The length of the body of a request whose message a framework has parsed. */
function lengthOf({ context }: QueuedRequest): number {
  return Number(context.requestInfo?.headers['content-length'] ?? 0) || 0
}
