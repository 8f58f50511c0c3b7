import type { Transport } from '@mcpwire/core'
import { type ClauseId, Exempt } from './clauses.js'
import { type OpenPair, startPair } from './open-pair.js'
import { type Recording, record } from './recording.js'
import type {
  Ability,
  LoneTransport,
  PairOptions,
  Side,
  TransportPair,
  TransportSubject,
} from './transport-subject.js'
import { until, within } from './waiting.js'

const GRACE_MS = 20_000
/** A cleanup that takes longer is not judged. Its end is awaited by no case. */
const MAX_CLEANUP_MS = 3_000
const VERSION = '2025-06-18'

/** One test of one clause, as data, for any test runner. */
export interface ClauseCase {
  readonly clause: ClauseId
  /** A sentence about the behaviour. */
  readonly title: string
  /** Rejects if the transport breaks the clause. Rejects with `Exempt` if the subject is exempt. */
  readonly run: (fixture: TransportFixture) => Promise<void>
}

/** Creates one test of a clause. */
export function clause(
  id: ClauseId,
  title: string,
  run: (fixture: TransportFixture) => Promise<void>,
): ClauseCase {
  return { clause: id, title, run }
}

/** The helpers of a case of the transport suite. `cleanUp()` closes everything that they create. */
export interface TransportFixture {
  readonly subject: TransportSubject
  readonly graceMs: number
  /** Creates an idle pair and records `near`. */
  pair(options?: PairOptions): Promise<UnstartedPair>
  /** Creates and starts a pair and records both ends. */
  open(options?: PairOptions): Promise<OpenPair>
  /** Creates and records a transport whose `start()` fails in one way. */
  lone(kind: LoneKind, options?: PairOptions): Promise<{ transport: Transport; recording: Recording }>
  hasAbility(ability: Ability): boolean
  /** Ends the case if the subject is exempt from the ability. */
  requireAbility(ability: Ability): void
  /** The hook of the subject. Ends the case if the subject is exempt, and fails if the hook is missing. */
  requireHook<T>(ability: Ability, provided: T | undefined): T
  until(condition: () => boolean, description: string): Promise<void>
  within<T>(promise: PromiseLike<T>, description: string, graceMs?: number): Promise<T>
  /** Never rejects, and takes at most 3 s for each cleanup. */
  cleanUp(): Promise<void>
}

/** The ways in which `start()` can fail. */
type LoneKind = 'unreachable' | 'hangsUpDuringStart' | 'neverConnects'

/** An idle pair. */
interface UnstartedPair {
  readonly pair: TransportPair
  readonly near: Transport
  readonly atNear: Recording
  /** Starts both ends: `near` with the signal, and `initialize` with the version where the medium needs it. */
  open(options?: { readonly version?: string; readonly signal?: AbortSignal }): Promise<OpenPair>
}

/** Creates the fixture of one case. */
export function createTransportFixture(subject: TransportSubject): TransportFixture {
  const graceMs = subject.graceMs ?? GRACE_MS
  const cleanUpMs = Math.min(graceMs, MAX_CLEANUP_MS)
  const cleanups: (() => unknown)[] = []

  function exemptionFrom(key: Ability | ClauseId): string | undefined {
    return subject.exempt?.[key]
  }

  function requireAbility(ability: Ability): void {
    const reason = exemptionFrom(ability)
    if (reason !== undefined) throw new Exempt(`${ability}: ${reason}`)
  }

  function requireHook<T>(ability: Ability, provided: T | undefined): T {
    requireAbility(ability)
    if (provided === undefined) {
      throw new Error(`the subject has no '${ability}': provide it, or name it in 'exempt' with the reason`)
    }
    return provided
  }

  async function pair(options: PairOptions = {}): Promise<UnstartedPair> {
    if (options.maxMessageBytes !== undefined) requireAbility('maxMessageBytes')
    if (options.maxQueuedBytes !== undefined) requireAbility('maxQueuedBytes')
    const created = await subject.pair(options)
    let far = created.far instanceof Promise ? undefined : created.far
    if (created.far instanceof Promise) {
      created.far.then(
        (transport) => {
          far = transport
        },
        () => {},
      )
    }
    cleanups.push(async () => {
      await Promise.all([created.near.close(), far?.close()])
    })
    if (created.cleanup) cleanups.push(created.cleanup)
    const atNear = record(created.near)
    const ends = { pair: created, near: created.near, atNear }
    return {
      ...ends,
      open: (open = {}) => {
        const opening = startPair(ends, { version: VERSION, ...open, requireHook, graceMs })
        // A case may fail before it awaits this.
        opening.catch(() => {})
        return opening
      },
    }
  }

  async function lone(
    kind: LoneKind,
    options: PairOptions = {},
  ): Promise<{ transport: Transport; recording: Recording }> {
    const make = requireHook<(options: PairOptions) => LoneTransport | Promise<LoneTransport>>(
      kind,
      subject[kind],
    )
    const { transport, cleanup } = await make(options)
    cleanups.push(() => transport.close())
    if (cleanup) cleanups.push(cleanup)
    return { transport, recording: record(transport) }
  }

  return {
    subject,
    graceMs,
    hasAbility: (ability) => exemptionFrom(ability) === undefined,
    pair,
    open: async (options) => await (await pair(options)).open(),
    lone,
    requireAbility,
    requireHook,
    until: (condition, description) => until(condition, description, graceMs),
    within: (promise, description, ms = graceMs) => within(promise, description, ms),
    cleanUp: async () => {
      for (const step of cleanups.splice(0)) {
        await within(Promise.resolve().then(step), 'the cleanup settled', cleanUpMs).catch(() => {})
      }
    },
  }
}

/** The other end. */
export function opposite(side: Side): Side {
  return side === 'near' ? 'far' : 'near'
}
