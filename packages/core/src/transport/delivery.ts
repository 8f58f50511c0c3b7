import { isNotification, isResponse, type JsonRpcMessage } from '../contract/message.js'
import type { MessageContext } from '../contract/transport.js'

/** The callbacks of a delivery. All deliveries of a kind share one object, because there are many. Neither may throw. */
export interface DeliveryHandlers<Owner> {
  /** Delivers one message. */
  readonly deliver: (owner: Owner, message: JsonRpcMessage, context: MessageContext | undefined) => void
  /** Called after the last message. */
  readonly finished: (owner: Owner) => void
}

/** The number of delivered messages that may stay in the queue. */
const COMPACT_AT = 1024

type Arrival = readonly [message: JsonRpcMessage, context: MessageContext | undefined]

/**
 * Delivers messages in order: at once where possible, else in a microtask. A response directly after a notification is
 * delayed by a microtask, with all messages behind it. Both MCP SDKs handle notifications a microtask late but responses
 * at once: they would drop the progress of a call that arrives together with its response.
 */
export class Delivery<Owner> {
  readonly #owner: Owner
  readonly #handlers: DeliveryHandlers<Owner>
  /** Created on demand. */
  #queue: Arrival[] | undefined
  /** The index of the first queued message: removing it from a long array would move all others. */
  #head = 0
  #isOpen = false
  #isFinished = false
  #isScheduled = false
  #callDepth = 0
  /** Whether the receiver may still handle a notification, and whether one was delivered since the last microtask. */
  #isSettling = false
  #hasNotified = false

  constructor(owner: Owner, handlers: DeliveryHandlers<Owner>) {
    this.#owner = owner
    this.#handlers = handlers
  }

  /** Adds a received message and delivers it as soon as possible. */
  add(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (this.#isFinished) return
    if (this.#isFree() && !this.#isDelayed(message)) {
      this.#deliver(message, context)
      return
    }
    this.#queue ??= []
    this.#queue.push([message, context])
    this.#schedule()
  }

  /** Starts the delivery. */
  open(): void {
    this.#isOpen = true
    if (this.#queue || this.#isFinished) this.#schedule()
  }

  /** Accepts no more messages. Calls `finished` after the last one. */
  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    if (this.#isFree()) this.#finish()
    else this.#schedule()
  }

  /** Stops the delivery without a call of `finished`. */
  stop(): void {
    this.#isOpen = false
    this.#isFinished = true
    this.#queue = undefined
    this.#head = 0
  }

  /** Begins a call during which nothing is delivered (clause C11). */
  enter(): void {
    this.#callDepth++
  }

  /** Ends such a call. */
  leave(): void {
    this.#callDepth--
  }

  #isFree(): boolean {
    return this.#isOpen && !this.#isScheduled && this.#callDepth === 0 && this.#queue === undefined
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#isOpen) return
    this.#isScheduled = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#isScheduled = false
    while (this.#queue && this.#isOpen && !this.#isScheduled) {
      const [message, context] = this.#queue[this.#head] as Arrival
      if (this.#isDelayed(message)) {
        this.#schedule()
        return
      }
      this.#removeFirst(this.#queue)
      this.#deliver(message, context)
    }
    if (this.#isFinished && this.#isFree()) this.#finish()
  }

  #removeFirst(queue: Arrival[]): void {
    this.#head++
    if (this.#head === queue.length) this.#queue = undefined
    else if (this.#head > COMPACT_AT) queue.splice(0, this.#head)
    else return
    this.#head = 0
  }

  #isDelayed(message: JsonRpcMessage): boolean {
    return this.#isSettling && isResponse(message)
  }

  #deliver(message: JsonRpcMessage, context: MessageContext | undefined): void {
    this.#handlers.deliver(this.#owner, message, context)
    if (!isNotification(message)) return
    this.#hasNotified = true
    if (this.#isSettling) return
    this.#isSettling = true
    queueMicrotask(() => this.#settle())
  }

  /** The receiver has had a microtask for each notification that was delivered before this one was scheduled. */
  #settle(): void {
    this.#isSettling = this.#hasNotified
    this.#hasNotified = false
    if (this.#isSettling) queueMicrotask(() => this.#settle())
  }

  #finish(): void {
    this.#isOpen = false
    this.#handlers.finished(this.#owner)
  }
}
