import type { WebSocket } from 'ws'

/**
 * Answers pings, one at a time: while an answer has not left, only the latest ping is remembered (RFC 6455, section
 * 5.5.3). A flood of pings from a peer that reads nothing thus holds one answer, not one each.
 */
export class Pongs {
  readonly #ws: WebSocket
  #isAnswering = false
  #latest: Buffer | undefined

  constructor(ws: WebSocket) {
    this.#ws = ws
  }

  answer(payload: Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    if (this.#isAnswering) {
      // A copy: the payload is a view into what the socket read.
      this.#latest = Buffer.from(payload)
      return
    }
    this.#isAnswering = true
    this.#ws.pong(payload, undefined, () => this.#answered())
  }

  #answered(): void {
    this.#isAnswering = false
    const next = this.#latest
    this.#latest = undefined
    if (next) this.answer(next)
  }
}
