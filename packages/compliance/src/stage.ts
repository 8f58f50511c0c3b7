import type { Transport } from '@mcpwire/core'
import type { ClauseId } from './clauses.js'
import { type Conversation, conversationOver } from './conversation.js'
import { Exempt } from './exempt.js'
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

const PATIENCE_MS = 5_000
const VERSION = '2025-06-18'

/** What a case of the transport suite works with. Everything it makes is cleaned up after the case. */
export interface Stage {
  readonly subject: TransportSubject
  readonly graceMs: number
  /** A pair that was not started, with `near` being recorded. */
  pair(options?: PairOptions): Promise<StagedPair>
  /** A pair that was started, with both ends being recorded. */
  open(options?: PairOptions): Promise<Conversation>
  /** A transport made for one way in which `start()` goes wrong, being recorded. */
  lone(kind: LoneKind, options?: PairOptions): Promise<{ transport: Transport; recording: Recording }>
  isHeldTo(ability: Ability): boolean
  /** Ends the case unless the subject is held to this fact. */
  relyOn(ability: Ability): void
  /** The function the author provided for this. Ends the case where the subject is exempt, fails where it is missing. */
  need<T>(ability: Ability, provided: T | undefined): T
  until(fact: () => boolean, what: string): Promise<void>
  within<T>(promise: PromiseLike<T>, what: string, graceMs?: number): Promise<T>
  /** Releases everything the case made. Never rejects, and takes at most the subject's patience for each part. */
  clear(): Promise<void>
}

/** The ways in which `start()` can go wrong. */
type LoneKind = 'unreachable' | 'hangsUpDuringStart' | 'neverConnects'

/** A pair on the stage. */
interface StagedPair {
  readonly pair: TransportPair
  readonly near: Transport
  readonly atNear: Recording
  /** Starts both ends: `near` with that signal, and speaking that version where the medium has to be introduced. */
  open(how?: { readonly version?: string; readonly signal?: AbortSignal }): Promise<Conversation>
}

/** Sets the stage for one case. */
export function createStage(subject: TransportSubject): Stage {
  const graceMs = subject.graceMs ?? PATIENCE_MS
  const undo: (() => unknown)[] = []

  function exemptionFrom(key: Ability | ClauseId): string | undefined {
    return subject.exempt?.[key]
  }

  function relyOn(ability: Ability): void {
    const reason = exemptionFrom(ability)
    if (reason !== undefined) throw new Exempt(`${ability}: ${reason}`)
  }

  function need<T>(ability: Ability, provided: T | undefined): T {
    relyOn(ability)
    if (provided === undefined) {
      throw new Error(`this case needs '${ability}': provide it, or name it in 'exempt' with the reason`)
    }
    return provided
  }

  async function pair(options: PairOptions = {}): Promise<StagedPair> {
    if (options.maxMessageBytes !== undefined) relyOn('maxMessageBytes')
    if (options.maxQueuedBytes !== undefined) relyOn('maxQueuedBytes')
    const made = await subject.pair(options)
    let far = made.far instanceof Promise ? undefined : made.far
    if (made.far instanceof Promise) {
      made.far.then(
        (come) => {
          far = come
        },
        () => {},
      )
    }
    undo.push(async () => {
      await Promise.all([made.near.close(), far?.close()])
    })
    if (made.cleanup) undo.push(made.cleanup)
    const atNear = record(made.near)
    const ends = { pair: made, near: made.near, atNear }
    const needs = <T>(ability: Ability, hook: T | undefined): T => need(ability, hook)
    return {
      ...ends,
      open: (how = {}) => {
        const opening = conversationOver(ends, { version: VERSION, ...how, need: needs, graceMs })
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
    const make = need<(options: PairOptions) => LoneTransport | Promise<LoneTransport>>(kind, subject[kind])
    const { transport, cleanup } = await make(options)
    undo.push(() => transport.close())
    if (cleanup) undo.push(cleanup)
    return { transport, recording: record(transport) }
  }

  return {
    subject,
    graceMs,
    isHeldTo: (ability) => exemptionFrom(ability) === undefined,
    pair,
    open: async (options) => await (await pair(options)).open(),
    lone,
    relyOn,
    need,
    until: (fact, what) => until(fact, what, graceMs),
    within: (promise, what, ms = graceMs) => within(promise, what, ms),
    clear: async () => {
      for (const step of undo.splice(0)) {
        await within(Promise.resolve().then(step), 'cleaning up', graceMs).catch(() => {})
      }
    },
  }
}

/** The other end. */
export function opposite(side: Side): Side {
  return side === 'near' ? 'far' : 'near'
}
