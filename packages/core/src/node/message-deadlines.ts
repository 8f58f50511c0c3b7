import type { Clock } from '../index.js'
import { TransportError } from '../index.js'

/** A connection that receives messages. */
export interface DeadlineOwner {
  /** The message did not complete in time. The connection ends with the error. */
  messageTimedOut(error: TransportError<'REFUSED'>): void
}

/** The HTTP status of a request that was not completed in time (RFC 9110, section 15.5.9). */
const REQUEST_TIMEOUT_STATUS = 408

/**
 * Ends connections whose message does not complete within `messageTimeoutMs`. A peer that sends a part and then nothing,
 * or one byte now and then, would hold its memory without limit. One timer serves all connections of a listener.
 */
export class MessageDeadlines {
  readonly #timeoutMs: number
  readonly #clock: Clock
  /** When each message began. Ordered by that time: a connection that begins another one moves to the end. */
  readonly #since = new Map<DeadlineOwner, number>()
  #timer: Disposable | undefined

  constructor(timeoutMs: number, clock: Clock) {
    this.#timeoutMs = timeoutMs
    this.#clock = clock
  }

  /** A message of the connection has begun. */
  begin(connection: DeadlineOwner): void {
    this.#since.delete(connection)
    this.#since.set(connection, this.#clock.now())
    if (!this.#timer) this.#checkIn(this.#timeoutMs)
  }

  /** The message of the connection is complete. The timer stays: the next message mostly begins soon. */
  complete(connection: DeadlineOwner): void {
    this.#since.delete(connection)
  }

  /** The connection has ended. */
  delete(connection: DeadlineOwner): void {
    this.#since.delete(connection)
    if (this.#since.size > 0) return
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  #checkIn(ms: number): void {
    this.#timer = this.#clock.deadline(ms, () => this.#check())
  }

  #check(): void {
    this.#timer = undefined
    const expired = this.#clock.now() - this.#timeoutMs
    for (const [connection, since] of this.#since) {
      if (since > expired) break
      this.#since.delete(connection)
      connection.messageTimedOut(timedOut(this.#timeoutMs))
    }
    const [oldest] = this.#since.values()
    if (oldest !== undefined && !this.#timer) this.#checkIn(oldest - expired)
  }
}

/** The deadlines of one listener or client. None for `Infinity`. */
export function createMessageDeadlines(timeoutMs: number, clock: Clock): MessageDeadlines | undefined {
  return timeoutMs === Infinity ? undefined : new MessageDeadlines(timeoutMs, clock)
}

function timedOut(timeoutMs: number): TransportError<'REFUSED'> {
  const message = `a message was not complete within messageTimeoutMs (${timeoutMs} ms)`
  return new TransportError('REFUSED', message, {
    status: REQUEST_TIMEOUT_STATUS,
    option: 'messageTimeoutMs',
  })
}
