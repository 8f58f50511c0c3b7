import type { JsonRpcMessage } from './message.js'
import type { SendOptions } from './transport.js'

/** A message on its way out, and its place among all. */
export interface OrderedSend {
  readonly place: number
  readonly message: JsonRpcMessage
  readonly options: SendOptions | undefined
}

/** Messages that found no room, in the order in which they were to leave. */
export class WaitingSends<S extends OrderedSend = OrderedSend> {
  readonly #waiting: S[] = []

  get size(): number {
    return this.#waiting.length
  }

  /** Takes one to its place, which is mostly the last: what finds no room is known a little later. */
  add(send: S): void {
    let at = this.#waiting.length
    while (at > 0 && (this.#waiting[at - 1] as S).place > send.place) at--
    this.#waiting.splice(at, 0, send)
  }

  takeFirst(): S | undefined {
    return this.#waiting.shift()
  }

  clear(): void {
    this.#waiting.length = 0
  }
}
