import { isTransportError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
import type { SendOptions } from '../contract/transport.js'
import { attempt } from '../timing/promises.js'

/** A message on its way out. */
export interface QueuedSend {
  readonly message: JsonRpcMessage
  readonly options: SendOptions | undefined
}

/** Whom a queue sends for. Only `send` may fail. */
export interface SendQueueOwner<S extends QueuedSend> {
  /** Hands a message to the medium. */
  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void>
  /** Whether one more may wait, where so many do. */
  mayWait(waiting: number): boolean
  taken(send: S): void
  failed(send: S, error: unknown): void
  /** More or fewer are pending, or wait. */
  changed(): void
}

/**
 * Sends messages at once; what finds the medium full (`OVERLOADED`) waits until one of those before it was taken, and
 * what comes after it waits behind it, so that all leave in their order.
 */
export class SendQueue<S extends QueuedSend = QueuedSend> {
  /** How many the medium is taking. */
  pending = 0
  readonly #owner: SendQueueOwner<S>
  readonly #waiting: { readonly place: number; readonly send: S }[] = []
  #places = 0

  constructor(owner: SendQueueOwner<S>) {
    this.#owner = owner
  }

  /** How many wait for room. While there are any, at least one is pending. */
  get waiting(): number {
    return this.#waiting.length
  }

  send(send: S): void {
    const place = this.#places++
    if (this.waiting > 0 && this.#owner.mayWait(this.waiting)) this.#wait(send, place)
    else this.#sendNow(send, place)
    this.#owner.changed()
  }

  /** Takes back what waits. */
  takeWaiting(): S[] {
    return this.#waiting.splice(0).map(({ send }) => send)
  }

  #sendNow(send: S, place: number): void {
    this.pending++
    attempt(() => this.#owner.send(send.message, send.options)).then(
      () => {
        this.#owner.taken(send)
        this.#settled(false)
      },
      (error) => {
        // Alone it would find no room either: only what is being taken before it makes some.
        const isFull = isTransportError(error, 'OVERLOADED') && this.pending > 1
        const waits = isFull && this.#owner.mayWait(this.waiting)
        if (waits) this.#wait(send, place)
        else this.#owner.failed(send, error)
        this.#settled(waits)
      },
    )
  }

  /** Mostly behind all others: what finds no room is known a little later. */
  #wait(send: S, place: number): void {
    let at = this.#waiting.length
    while (at > 0 && (this.#waiting[at - 1]?.place ?? -1) > place) at--
    this.#waiting.splice(at, 0, { place, send })
  }

  /** Unless there was no room, the next may find some now. */
  #settled(waits: boolean): void {
    this.pending--
    const next = waits ? undefined : this.#waiting.shift()
    if (next) this.#sendNow(next.send, next.place)
    this.#owner.changed()
  }
}
