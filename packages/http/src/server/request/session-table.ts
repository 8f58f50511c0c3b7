import { TransportError } from '@mcpwire/core'
import type { EndpointSettings } from './endpoint-options.js'
import type { LiveStreams } from './keep-alive-scheduler.js'
import { createSweep, type Sweep } from './periodic-check.js'

/** What a session is part of. */
export interface SessionHost {
  readonly settings: EndpointSettings
  readonly live: LiveStreams
  /** The session is over, and to be forgotten. */
  readonly over: (session: ServedSession) => void
  /** It may be idle from now on. */
  readonly rests: (session: ServedSession) => void
}

/** One session, as far as its table needs to know it. */
export interface ServedSession {
  readonly id: string
  readonly remoteAddress: string
  readonly owner: string
  readonly openedAt: number
  /** Whether the application takes what is said in it. */
  readonly isServed: boolean
  /** The moment at which it ends unless something happens. */
  readonly dueAt: number
  end(reason?: Error): void
}

/** How much later than due a session may end, as a part of the idle timeout, and at most. */
const LATENESS = 1 / 128
const MOST_LATENESS_MS = 10_000

/** The sessions of one endpoint, each until it ends or expires. */
export class SessionTable {
  readonly #sessions = new Map<string, ServedSession>()
  readonly #perAddress = new Map<string, number>()
  readonly #settings: EndpointSettings
  readonly #sweep: Sweep

  constructor(settings: EndpointSettings) {
    this.#settings = settings
    const { clock, idleTimeoutMs } = settings
    const spacingMs = Math.min(idleTimeoutMs * LATENESS, MOST_LATENESS_MS)
    this.#sweep = createSweep(clock, spacingMs, (now) => this.#expire(now))
  }

  /** How many there are, those that are not served yet included. */
  get size(): number {
    return this.#sessions.size
  }

  countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0
  }

  get(id: string): ServedSession | undefined {
    return this.#sessions.get(id)
  }

  add(session: ServedSession): void {
    this.#sessions.set(session.id, session)
    this.#perAddress.set(session.remoteAddress, this.countOf(session.remoteAddress) + 1)
    this.#sweep.expect(session.dueAt)
  }

  delete(session: ServedSession): void {
    if (!this.#sessions.delete(session.id)) return
    const left = this.countOf(session.remoteAddress) - 1
    if (left > 0) this.#perAddress.set(session.remoteAddress, left)
    else this.#perAddress.delete(session.remoteAddress)
    if (this.#sessions.size === 0) this.#sweep.stop()
  }

  /** Heeds that a session may be due from now on. */
  rests(session: ServedSession): void {
    if (this.#sessions.has(session.id)) this.#sweep.expect(session.dueAt)
  }

  #expire(now: number): number {
    let next = Infinity
    for (const session of this.#sessions.values()) {
      const { dueAt } = session
      if (dueAt > now) next = Math.min(next, dueAt)
      else session.end(expired(session, now, this.#settings))
    }
    return next
  }
}

function expired(
  { openedAt }: ServedSession,
  now: number,
  { lifetimeMs, idleTimeoutMs }: EndpointSettings,
): Error {
  const why =
    now >= openedAt + lifetimeMs
      ? `the session reached its lifetime of ${lifetimeMs} ms (lifetimeMs)`
      : `nothing was said for ${idleTimeoutMs} ms (idleTimeoutMs)`
  return new TransportError('CLOSED', why, undefined)
}
