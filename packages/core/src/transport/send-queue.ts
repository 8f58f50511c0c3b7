import { isTransportError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
import type { SendOptions } from '../contract/transport.js'
import { sentImmediately } from './pending-sends.js'

/** An outgoing message. */
export interface QueuedSend {
  readonly message: JsonRpcMessage
  readonly options: SendOptions | undefined
  /** Its memory in bytes, where that was needed. Set by the queue. */
  size?: number
  /** Whether it counts in `heldBytes` of the queue. */
  isHeld?: boolean
}

/** The owner of a send queue. Only `send` may fail. */
export interface SendQueueOwner<S extends QueuedSend> {
  /** Passes a message to the medium. */
  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void>
  /** Whether one more message may wait, beside this number. */
  mayWait(waiting: number): boolean
  /** The memory of a message, in bytes. Called only if the medium does not accept it at once. Nothing is counted without it. */
  sizeOf?(message: JsonRpcMessage): number
  /** The error for a message with which this many bytes would be held; `undefined` where that is allowed. */
  refusal?(heldBytes: () => number): Error | undefined
  /** The medium has accepted the message. */
  sent(send: S): void
  failed(send: S, error: unknown): void
  /** The number of pending or waiting messages has changed. */
  changed(): void
}

/**
 * Sends messages immediately, in order. A message that the medium rejects with `OVERLOADED` waits until an earlier one has
 * been accepted. Later messages wait behind it.
 */
export class SendQueue<S extends QueuedSend = QueuedSend> {
  /** The number of messages that the medium has not accepted yet. */
  pending = 0
  /** The bytes of those messages, and of the waiting ones. */
  heldBytes = 0
  readonly #owner: SendQueueOwner<S>
  readonly #waiting: { readonly position: number; readonly send: S }[] = []
  #positions = 0

  constructor(owner: SendQueueOwner<S>) {
    this.#owner = owner
  }

  /** The number of waiting messages. While there is one, at least one message is pending. */
  get waiting(): number {
    return this.#waiting.length
  }

  send(send: S): void {
    const position = this.#positions++
    const refusal = this.heldBytes > 0 ? this.#refusal(send) : undefined
    if (refusal) this.#owner.failed(send, refusal)
    else if (this.waiting > 0 && this.#owner.mayWait(this.waiting)) this.#wait(send, position)
    else this.#sendNow(send, position)
    this.#owner.changed()
  }

  /** Removes and returns the waiting messages. */
  takeWaiting(): S[] {
    const sends = this.#waiting.splice(0).map(({ send }) => send)
    for (const send of sends) this.#release(send)
    return sends
  }

  #sendNow(send: S, position: number): void {
    this.pending++
    this.#pass(send).then(
      () => {
        this.#release(send)
        this.#owner.sent(send)
        this.#settled(false)
      },
      (error) => {
        // Without another pending message, no space becomes free.
        const isFull = isTransportError(error, 'OVERLOADED') && this.pending > 1
        const waits = isFull && this.#owner.mayWait(this.waiting)
        if (waits) this.#wait(send, position)
        else {
          this.#release(send)
          this.#owner.failed(send, error)
        }
        this.#settled(waits)
      },
    )
  }

  #pass(send: S): Promise<void> {
    let accepted: Promise<void>
    try {
      accepted = Promise.resolve(this.#owner.send(send.message, send.options))
    } catch (error) {
      accepted = Promise.reject(error)
    }
    if (accepted !== sentImmediately) this.#hold(send)
    return accepted
  }

  #refusal(send: S): Error | undefined {
    return this.#owner.refusal?.(() => this.heldBytes + this.#sizeOf(send))
  }

  #sizeOf(send: S): number {
    send.size ??= this.#owner.sizeOf?.(send.message) ?? 0
    return send.size
  }

  #hold(send: S): void {
    if (send.isHeld) return
    send.isHeld = true
    this.heldBytes += this.#sizeOf(send)
  }

  #release(send: S): void {
    if (!send.isHeld) return
    send.isHeld = false
    this.heldBytes -= this.#sizeOf(send)
  }

  /** Inserts by position: `OVERLOADED` arrives after later messages may have been queued. */
  #wait(send: S, position: number): void {
    this.#hold(send)
    let at = this.#waiting.length
    while (at > 0 && (this.#waiting[at - 1]?.position ?? -1) > position) at--
    this.#waiting.splice(at, 0, { position, send })
  }

  /** Sends the next waiting message, unless the medium was full. */
  #settled(isFull: boolean): void {
    this.pending--
    const next = isFull ? undefined : this.#waiting.shift()
    if (next) this.#sendNow(next.send, next.position)
    this.#owner.changed()
  }
}
