import { isTransportError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
import type { SendOptions } from '../contract/transport.js'
import { attempt } from '../timing/promises.js'

/** An outgoing message. */
export interface QueuedSend {
  readonly message: JsonRpcMessage
  readonly options: SendOptions | undefined
}

/** The owner of a send queue. Only `send` may fail. */
export interface SendQueueOwner<S extends QueuedSend> {
  /** Passes a message to the medium. */
  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void>
  /** Whether one more message may wait, beside this number. */
  mayWait(waiting: number): boolean
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
    if (this.waiting > 0 && this.#owner.mayWait(this.waiting)) this.#wait(send, position)
    else this.#sendNow(send, position)
    this.#owner.changed()
  }

  /** Removes and returns the waiting messages. */
  takeWaiting(): S[] {
    return this.#waiting.splice(0).map(({ send }) => send)
  }

  #sendNow(send: S, position: number): void {
    this.pending++
    attempt(() => this.#owner.send(send.message, send.options)).then(
      () => {
        this.#owner.sent(send)
        this.#settled(false)
      },
      (error) => {
        // Without another pending message, no space becomes free.
        const isFull = isTransportError(error, 'OVERLOADED') && this.pending > 1
        const waits = isFull && this.#owner.mayWait(this.waiting)
        if (waits) this.#wait(send, position)
        else this.#owner.failed(send, error)
        this.#settled(waits)
      },
    )
  }

  /** Inserts by position: `OVERLOADED` arrives after later messages may have been queued. */
  #wait(send: S, position: number): void {
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
