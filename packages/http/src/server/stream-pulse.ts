import type { EventStream } from '../exchange.js'
import { keepAliveComment } from './event-text.js'

/** Where a stream stood when it was first found behind. */
interface Stall {
  readonly since: number
  readonly drains: number
}

/** Keeps a silent stream from being cut, and cuts off one whose client takes nothing any more. */
export class StreamPulse {
  readonly #patienceMs: number
  #stall: Stall | undefined

  /** A client that is there and has not taken a byte for `patienceMs` is as good as gone. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** Called when nothing was written for a while. */
  beat(stream: EventStream, now: number): void {
    if (!stream.isBlocked) {
      this.#stall = undefined
      stream.write(keepAliveComment).catch(ignore)
    } else if (this.#stall?.drains !== stream.drains) this.#stall = { since: now, drains: stream.drains }
    else if (now - this.#stall.since >= this.#patienceMs) stream.destroy()
  }
}

function ignore(): void {}
