import type { Clock } from '@mcpwire/core'
import { ignore, toError } from '@mcpwire/core/authoring'
import type { EventStream } from './http-exchange.js'

/** Checks any number of things that become due, with one deadline for all of them. */
export interface PeriodicCheck {
  /** Schedules the check for that moment, in the time of the clock, unless it is due earlier. */
  schedule(moment: number): void
  stop(): void
}

/**
 * Creates one. `check` handles what is due and returns the next due moment, or `Infinity`. It runs at most once in
 * `spacingMs`.
 */
export function createPeriodicCheck(
  clock: Clock,
  spacingMs: number,
  check: (now: number) => number,
): PeriodicCheck {
  let next = Infinity
  let deadline: Disposable | undefined

  function schedule(moment: number): void {
    if (moment >= next) return
    deadline?.[Symbol.dispose]()
    next = moment
    deadline = clock.deadline(moment - clock.now(), () => {
      next = Infinity
      deadline = undefined
      const now = clock.now()
      const due = check(now)
      if (due !== Infinity) schedule(Math.max(due, now + spacingMs))
    })
  }

  return {
    schedule,
    stop: () => {
      deadline?.[Symbol.dispose]()
      deadline = undefined
      next = Infinity
    },
  }
}

/** An open request or stream with a deadline. */
export interface ScheduledStream {
  /** When `tick` is due; `Infinity` for no deadline. */
  readonly dueAt: number
  /** Called at that moment or soon after. */
  tick(now: number): void
}

/** How much later than due a tick may come, as a part of the interval, and at most. */
const LATENESS = 1 / 16
const MAX_LATENESS_MS = 1_000

/** Ticks every open request and stream of one endpoint, with one deadline for all of them. */
export class KeepAliveScheduler {
  readonly #streams = new Set<ScheduledStream>()
  readonly #check: PeriodicCheck
  readonly #report: (error: Error) => void

  constructor(clock: Clock, intervalMs: number, report: (error: Error) => void) {
    this.#report = report
    const spacingMs = Math.min(intervalMs * LATENESS, MAX_LATENESS_MS)
    this.#check = createPeriodicCheck(clock, spacingMs, (now) => this.#tickDue(now))
  }

  /** Adds a stream. Adding it again applies an earlier `dueAt`. */
  add(stream: ScheduledStream): void {
    this.#streams.add(stream)
    this.#check.schedule(stream.dueAt)
  }

  delete(stream: ScheduledStream): void {
    this.#streams.delete(stream)
  }

  /** Cancels the deadline if nothing is open. Not done by `delete`, as every request adds and deletes a stream. */
  stopWhenEmpty(): void {
    if (this.#streams.size === 0) this.#check.stop()
  }

  stop(): void {
    this.#check.stop()
    this.#streams.clear()
  }

  #tickDue(now: number): number {
    let next = Infinity
    for (const stream of this.#streams) {
      if (stream.dueAt <= now) this.#tick(stream, now)
      if (this.#streams.has(stream)) next = Math.min(next, stream.dueAt)
    }
    return next
  }

  /** A failing stream must not end the others, nor the process by an error in a timer. */
  #tick(stream: ScheduledStream, now: number): void {
    try {
      stream.tick(now)
    } catch (error) {
      this.#streams.delete(stream)
      this.#report(toError(error))
    }
  }
}

/** A comment: it keeps proxies from closing an idle stream. */
const KEEP_ALIVE_COMMENT = ': keep-alive\n\n'

/** Writes a comment on an idle stream. A blocked stream is not idle. */
export function keepAlive(stream: EventStream): void {
  if (!stream.isBlocked) stream.write(KEEP_ALIVE_COMMENT).catch(ignore)
}
