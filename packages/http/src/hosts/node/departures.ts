import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import timers from 'node:timers'
import type { Stalls } from '../../server/request/stalls.js'

/** The most answers that wait for one another. */
const MAX_TOGETHER = 64
/** An answer this long leaves at once: its caller starts reading while the others are being made. */
const LARGE_CHARACTERS = 4096

/**
 * Lets whole answers leave: where a turn of the event loop has several, together at its end, else at once. A client
 * with many requests under way then wakes up for all of them instead of for each, which is most of what writing costs.
 */
export class Departures {
  #waiting: { readonly response: ServerResponse; readonly body: string }[] = []
  readonly #stalls: Stalls<Socket>
  #inTurn = 0
  /** Whether the turn before had several: whether this one will cannot be known yet. */
  #isCrowded = false

  constructor(stalls: Stalls<Socket>) {
    this.#stalls = stalls
  }

  leave(response: ServerResponse, body: string): void {
    this.#inTurn++
    if (this.#inTurn === 1) timers.setImmediate(this.#turnOver)
    if ((this.#inTurn === 1 && !this.#isCrowded) || body.length >= LARGE_CHARACTERS) this.#end(response, body)
    else if (this.#waiting.push({ response, body }) >= MAX_TOGETHER) this.#letLeave()
  }

  readonly #turnOver = (): void => {
    this.#isCrowded = this.#inTurn > 1
    this.#inTurn = 0
    this.#letLeave()
  }

  #letLeave(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { response, body } of waiting)
      if (!response.destroyed && !response.writableEnded) this.#end(response, body)
  }

  #end(response: ServerResponse, body: string): void {
    response.end(body)
    if (response.writableLength > 0 && response.socket) this.#stalls.watch(response.socket)
  }
}
