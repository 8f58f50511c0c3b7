import type { Clock } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { keepAliveComment } from './event-text.js'
import type { EventStream } from './http-exchange.js'
import { createSweep, type Sweep } from './periodic-check.js'

/** Something that is to be looked at when it was silent, or took, for too long. */
export interface LiveStream {
  /** The moment at which it wants to be looked at; `Infinity` for not now. */
  readonly dueAt: number
  /** Called at that moment or soon after. */
  beat(now: number): void
}

/** Says something on a stream that was silent for too long. One whose client is behind is not silent. */
export function keepAlive(stream: EventStream): void {
  if (!stream.isBlocked) stream.write(keepAliveComment).catch(ignore)
}

/** How much later than due a stream may be looked at, as a part of the interval, and at most. */
const LATENESS = 1 / 16
const MOST_LATENESS_MS = 1_000

/** Everything that is open at one endpoint, looked after with one deadline. */
export class LiveStreams {
  readonly #streams = new Set<LiveStream>()
  readonly #sweep: Sweep
  readonly #report: (error: Error) => void

  constructor(clock: Clock, intervalMs: number, report: (error: Error) => void) {
    this.#report = report
    const spacingMs = Math.min(intervalMs * LATENESS, MOST_LATENESS_MS)
    this.#sweep = createSweep(clock, spacingMs, (now) => this.#look(now))
  }

  /** Starts to look after a stream, or heeds that it is due earlier than before. */
  add(stream: LiveStream): void {
    this.#streams.add(stream)
    this.#sweep.expect(stream.dueAt)
  }

  delete(stream: LiveStream): void {
    this.#streams.delete(stream)
  }

  /** Where nothing is open, leaves no deadline behind. Not with each stream: they come and go with every request. */
  rest(): void {
    if (this.#streams.size === 0) this.#sweep.stop()
  }

  stop(): void {
    this.#sweep.stop()
    this.#streams.clear()
  }

  #look(now: number): number {
    let next = Infinity
    for (const stream of this.#streams) {
      if (stream.dueAt <= now) this.#beat(stream, now)
      if (this.#streams.has(stream)) next = Math.min(next, stream.dueAt)
    }
    return next
  }

  /** One that fails takes neither the others with it nor the process, whose timer this is. */
  #beat(stream: LiveStream, now: number): void {
    try {
      stream.beat(now)
    } catch (error) {
      this.#streams.delete(stream)
      this.#report(toError(error))
    }
  }
}

function ignore(): void {}
