import { isNotification, isResponse, type JsonRpcMessage } from '../contract/message.js'
import type { MessageContext } from '../contract/transport.js'

/** What a delivery does for its owner. One for all owners of a kind, which are many. Neither may throw. */
export interface DeliveryHandlers<Owner> {
  /** Hands one message over. */
  readonly deliver: (owner: Owner, message: JsonRpcMessage, context: MessageContext | undefined) => void
  /** Says that all there was has been handed over. */
  readonly over: (owner: Owner) => void
}

/** How many of those handed over may stay in the array that holds what waits. */
const COMPACT_AT = 1024

type Arrival = readonly [message: JsonRpcMessage, context: MessageContext | undefined]

/**
 * Hands messages over in order, each at a moment when its receiver can take it: at once where that may be. A response
 * right behind a notification waits for a microtask, and what follows waits with it: both MCP SDKs handle
 * notifications one microtask late but answers at once, and would drop the progress of a call that arrives together
 * with its answer.
 */
export class Delivery<Owner> {
  readonly #owner: Owner
  readonly #handlers: DeliveryHandlers<Owner>
  /** Made when something has to wait. */
  #waiting: Arrival[] | undefined
  /** Where the first that waits is: taking it off the front of a long array would move all others. */
  #head = 0
  #isOpen = false
  #isFinished = false
  #isTurnDue = false
  #callDepth = 0
  /** How many notifications were handed over, and how many of them have surely been handled. */
  #notified = 0
  #settling = 0
  #settled = 0

  constructor(owner: Owner, handlers: DeliveryHandlers<Owner>) {
    this.#owner = owner
    this.#handlers = handlers
  }

  /** Takes a message that arrived, and hands it over as soon as that may be. */
  arrive(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (this.#isFinished) return
    if (this.#isFree() && !this.#mustWait(message)) {
      this.#handOver(message, context)
      return
    }
    this.#waiting ??= []
    this.#waiting.push([message, context])
    this.#turnSoon()
  }

  /** Says that messages may be handed over from now on. */
  open(): void {
    this.#isOpen = true
    if (this.#waiting || this.#isFinished) this.#turnSoon()
  }

  /** Says that nothing arrives any more: `over` is called once all was handed over. */
  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    if (this.#isFree()) this.#finished()
    else this.#turnSoon()
  }

  /** Hands over nothing more, and does not call `over`. */
  stop(): void {
    this.#isOpen = false
    this.#isFinished = true
    this.#waiting = undefined
    this.#head = 0
  }

  /** Begins a call during which nothing is handed over (clause C11). */
  enter(): void {
    this.#callDepth++
  }

  /** Ends such a call. */
  leave(): void {
    this.#callDepth--
  }

  #isFree(): boolean {
    return this.#isOpen && !this.#isTurnDue && this.#callDepth === 0 && this.#waiting === undefined
  }

  #turnSoon(): void {
    if (this.#isTurnDue || !this.#isOpen) return
    this.#isTurnDue = true
    queueMicrotask(() => this.#turn())
  }

  #turn(): void {
    this.#isTurnDue = false
    while (this.#waiting && this.#isOpen && !this.#isTurnDue) {
      const [message, context] = this.#waiting[this.#head] as Arrival
      if (this.#mustWait(message)) {
        this.#turnSoon()
        return
      }
      this.#takeFirst(this.#waiting)
      this.#handOver(message, context)
    }
    if (this.#isFinished && this.#isFree()) this.#finished()
  }

  #takeFirst(waiting: Arrival[]): void {
    this.#head++
    if (this.#head === waiting.length) this.#waiting = undefined
    else if (this.#head > COMPACT_AT) waiting.splice(0, this.#head)
    else return
    this.#head = 0
  }

  #mustWait(message: JsonRpcMessage): boolean {
    return this.#notified !== this.#settled && isResponse(message)
  }

  #handOver(message: JsonRpcMessage, context: MessageContext | undefined): void {
    this.#handlers.deliver(this.#owner, message, context)
    if (!isNotification(message)) return
    const before = this.#notified++
    if (before === this.#settled) queueMicrotask(() => this.#settle())
  }

  /** The receiver had its microtask for every notification there was when this one was asked for. */
  #settle(): void {
    if (this.#settling === this.#notified) this.#settled = this.#notified
    else {
      this.#settling = this.#notified
      queueMicrotask(() => this.#settle())
    }
  }

  #finished(): void {
    this.#isOpen = false
    this.#handlers.over(this.#owner)
  }
}
