import { type Clock, TransportError } from '@mcpwire/core'
import type { Session } from './session.js'
import { createSweep, type Sweep } from './sweep.js'

/** How much later than due a session may end, as a part of its idle timeout. */
const LATENESS = 1 / 128

/** The sessions of one endpoint, each until it ends or expires. */
export class SessionTable {
  readonly #sessions = new Map<string, Session>()
  readonly #perAddress = new Map<string, number>()
  readonly #clock: Clock
  readonly #sweep: Sweep

  constructor(clock: Clock, idleTimeoutMs: number) {
    this.#clock = clock
    const spacingMs = idleTimeoutMs === Infinity ? 1_000 : idleTimeoutMs * LATENESS
    this.#sweep = createSweep(clock, spacingMs, (now) => this.#expire(now))
  }

  /** How many there are, those that are not served yet included. */
  get size(): number {
    return this.#sessions.size
  }

  countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session)
    this.#perAddress.set(session.remoteAddress, this.countOf(session.remoteAddress) + 1)
    this.#sweep.expect(session.dueAt)
  }

  delete(session: Session): void {
    if (!this.#sessions.delete(session.id)) return
    const left = this.countOf(session.remoteAddress) - 1
    if (left > 0) this.#perAddress.set(session.remoteAddress, left)
    else this.#perAddress.delete(session.remoteAddress)
    if (this.#sessions.size === 0) this.#sweep.stop()
  }

  /** Heeds that a session may be due from now on. */
  rests(session: Session): void {
    if (this.#sessions.has(session.id)) this.#sweep.expect(session.dueAt)
  }

  #expire(now: number): number {
    let next = Infinity
    for (const session of this.#sessions.values()) {
      const { dueAt } = session
      if (dueAt > now) next = Math.min(next, dueAt)
      else session.end(expired(session, this.#clock.now()))
    }
    return next
  }
}

function expired({ openedAt, settings }: Session, now: number): Error {
  const { lifetimeMs, idleTimeoutMs } = settings
  const why =
    now >= openedAt + lifetimeMs
      ? `the session reached its lifetime of ${lifetimeMs} ms (lifetimeMs)`
      : `nothing was said for ${idleTimeoutMs} ms (idleTimeoutMs)`
  return new TransportError('CLOSED', why, undefined)
}
