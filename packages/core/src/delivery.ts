import { isNotification, isResponse, type JsonRpcMessage } from './message.js'
import type { MessageContext } from './transport.js'

/** Hands messages over in order, each at a moment when its receiver can take it. */
export interface Delivery {
  /** Takes a message that arrived, and hands it over as soon as that may be. */
  arrive(message: JsonRpcMessage, context: MessageContext | undefined): void
  /** Says that messages may be handed over from now on. */
  open(): void
  /** Says that nothing arrives any more: `over` is called once all was handed over. */
  finish(): void
  /** Hands over nothing more, and does not call `over`. */
  stop(): void
  /** Calls something during which nothing is handed over (clause C11). */
  during<T>(call: () => T): T
}

/** Where messages go. Neither may throw. */
export interface DeliveryHandlers {
  readonly deliver: (message: JsonRpcMessage, context: MessageContext | undefined) => void
  readonly over: () => void
}

/** How many of those handed over may stay in the array that holds what waits. */
const COMPACT_AT = 1024

type Arrival = readonly [message: JsonRpcMessage, context: MessageContext | undefined]

/**
 * Makes a delivery. A message is handed over at once where that may be. A response right behind a notification waits
 * for a microtask, and what follows waits with it: both MCP SDKs handle notifications one microtask late but answers
 * at once, and would drop the progress of a call that arrives together with its answer.
 */
export function createDelivery({ deliver, over }: DeliveryHandlers): Delivery {
  const waiting: Arrival[] = []
  /** Where the first that waits is: taking it off the front of a long array would move all others. */
  let head = 0
  let isOpen = false
  let isFinished = false
  let isTurnDue = false
  let callDepth = 0
  /** How many notifications were handed over, and how many of them have surely been handled. */
  let notified = 0
  let settling = 0
  let settled = 0

  function isFree(): boolean {
    return isOpen && !isTurnDue && callDepth === 0 && head === waiting.length
  }

  function turnSoon(): void {
    if (isTurnDue || !isOpen) return
    isTurnDue = true
    queueMicrotask(turn)
  }

  function turn(): void {
    isTurnDue = false
    while (head < waiting.length && isOpen && !isTurnDue) {
      const [message, context] = waiting[head] as Arrival
      if (mustWait(message)) {
        turnSoon()
        return
      }
      head++
      handOver(message, context)
    }
    if (head === waiting.length || head > COMPACT_AT) {
      waiting.splice(0, head)
      head = 0
    }
    if (isFinished && isFree()) finished()
  }

  function mustWait(message: JsonRpcMessage): boolean {
    return notified !== settled && isResponse(message)
  }

  function handOver(message: JsonRpcMessage, context: MessageContext | undefined): void {
    deliver(message, context)
    if (!isNotification(message)) return
    const before = notified++
    if (before === settled) queueMicrotask(settle)
  }

  /** The receiver had its microtask for every notification there was when this one was asked for. */
  function settle(): void {
    if (settling === notified) settled = notified
    else {
      settling = notified
      queueMicrotask(settle)
    }
  }

  function finished(): void {
    isOpen = false
    over()
  }

  return {
    arrive(message, context) {
      if (isFinished) return
      if (isFree() && !mustWait(message)) handOver(message, context)
      else {
        waiting.push([message, context])
        turnSoon()
      }
    },
    open() {
      isOpen = true
      if (waiting.length > 0 || isFinished) turnSoon()
    },
    finish() {
      if (isFinished) return
      isFinished = true
      if (isFree()) finished()
      else turnSoon()
    },
    stop() {
      isOpen = false
      isFinished = true
      waiting.length = 0
      head = 0
    },
    during(call) {
      callDepth++
      try {
        return call()
      } finally {
        callDepth--
      }
    },
  }
}
