import type { Clock } from '../contract/clock.js'
import {
  type Admission,
  checkVerdict,
  type Gate,
  type Handshake,
  isSignal,
  isTime,
  type Refusal,
  type Verdict,
} from '../contract/gate.js'
import type { Incoming } from '../contract/listener.js'
import { invalidOption } from '../contract/options.js'
import type {
  CapacityRefusal,
  SessionAttempt,
  SessionGrant,
  SessionPolicy,
} from '../contract/session-policy.js'
import { deferred, guarded, ignore } from '../timing/promises.js'
import { whenAborted } from '../timing/when-aborted.js'
import { callbackFailed } from '../transport/transport-errors.js'
import { type Decider, decisionOf } from './decision.js'

/** The gate, the session policy and the time limit of an admission. */
export interface AdmissionOptions {
  readonly gate?: Gate | undefined
  readonly gateTimeoutMs: number
  readonly sessionPolicy?: SessionPolicy | undefined
  readonly clock: Clock
}

/** The result of an admission. */
export type AdmissionOutcome =
  | { readonly admitted: true; readonly admission: Admission; readonly grant?: SessionGrant }
  | { readonly admitted: false; readonly refusal: Refusal; readonly error?: Error }

/**
 * Calls the gate, then the session policy. Fails closed: any result but a valid admission is a refusal. Settles within
 * `gateTimeoutMs`, or when the signal aborts. Never rejects.
 *
 * @param decided the decision of the gate where it was called before; only the session policy is called then
 */
export async function admit(
  handshake: Handshake,
  options: AdmissionOptions,
  signal: AbortSignal,
  decided?: Admission,
  sessionId?: string,
): Promise<AdmissionOutcome> {
  const { gate, sessionPolicy, clock } = options
  let verdict: Verdict
  try {
    verdict = checkVerdict(
      decided ?? (gate ? await decisionOf(gateDecider(gate, handshake), options, signal) : { admit: true }),
    )
  } catch (cause) {
    if (signal.aborted) return { admitted: false, refusal: unavailable(SHUTTING_DOWN) }
    return failedClosed('gate.admit', cause)
  }
  if (!verdict.admit) return { admitted: false, refusal: verdict }
  if (verdict.revoked?.aborted || (verdict.expiresAt ?? Infinity) <= clock.epochNow()) {
    return {
      admitted: false,
      refusal: { admit: false, status: 401, reason: 'the credential is no longer valid' },
    }
  }
  if (!sessionPolicy) return { admitted: true, admission: verdict }
  const attempt = { handshake, admission: verdict, ...(sessionId !== undefined && { sessionId }) }
  return openSession(sessionPolicy, attempt, options, signal)
}

async function openSession(
  policy: SessionPolicy,
  attempt: SessionAttempt,
  options: AdmissionOptions,
  signal: AbortSignal,
): Promise<AdmissionOutcome> {
  let grant: PolicyResult | undefined
  try {
    grant = await decisionOf(policyDecider(policy, attempt), options, signal)
    if (grant?.admit !== true) return { admitted: false, refusal: checkVerdict(grant) as Refusal }
    checkGrant(grant)
    if (!grant.revoked?.aborted) return { admitted: true, admission: attempt.admission, grant }
    releaseGrant(grant)
    return { admitted: false, refusal: { admit: false, status: 401, reason: 'the session was revoked' } }
  } catch (cause) {
    if (grant) guarded(() => releaseGrant(grant as PolicyResult), ignore)
    if (signal.aborted) return { admitted: false, refusal: unavailable(SHUTTING_DOWN) }
    return failedClosed('sessionPolicy.open', cause)
  }
}

/** The gate, as what decides about a caller. */
function gateDecider(gate: Gate, handshake: Handshake): Decider<Verdict> {
  return {
    name: 'the gate',
    takesNoSignal: gate.admit.length < 2,
    decide: (signal) => gate.admit(handshake, signal),
  }
}

const SHUTTING_DOWN = 'the server is shutting down'

/**
 * Admits a caller of a listener. If the policy has no capacity, an idle connection of the listener ends. The policy is
 * then asked again when it may have capacity, until `gateTimeoutMs`.
 */
export async function admitWithRoom(
  incoming: Incoming,
  options: AdmissionOptions,
  signal: AbortSignal,
): Promise<AdmissionOutcome> {
  const { handshake, admission } = incoming
  const { sessionId } = incoming.connector
  const { clock, gateTimeoutMs } = options
  let outcome = await admit(handshake, options, signal, admission, sessionId)
  if (!isCapacityRefusal(outcome) || !incoming.makeRoom?.()) return outcome
  let isLate = false
  const late = deferred<void>()
  const finish = (): void => {
    isLate = true
    late.resolve()
  }
  const timeout = clock.deadline(gateTimeoutMs, finish)
  const unsubscribe = whenAborted(signal, finish)
  try {
    while (!isLate && isCapacityRefusal(outcome)) {
      await Promise.race([outcome.refusal.whenFree(), late.promise])
      if (!isLate) outcome = await admit(handshake, options, signal, admission, sessionId)
    }
  } catch (cause) {
    return failedClosed('sessionPolicy.open', cause)
  } finally {
    timeout[Symbol.dispose]()
    unsubscribe()
  }
  return outcome
}

function isCapacityRefusal(
  outcome: AdmissionOutcome,
): outcome is { readonly admitted: false; readonly refusal: CapacityRefusal } {
  return !outcome.admitted && typeof (outcome.refusal as Partial<CapacityRefusal>).whenFree === 'function'
}

/** The session policy, as what decides. A grant that comes too late is released. */
function policyDecider(policy: SessionPolicy, attempt: SessionAttempt): Decider<PolicyResult> {
  return {
    name: 'the session policy',
    takesNoSignal: policy.open.length < 2,
    decide: (signal) => policy.open(attempt, signal),
    late: releaseGrant,
  }
}

type PolicyResult = SessionGrant | Refusal | CapacityRefusal

/** Releases a grant that is not used. Its `release` may throw. */
function releaseGrant(grant: PolicyResult): void {
  if (grant?.admit === true) grant.release?.()
}

/** Throws where the grant is invalid: an invalid limit must not count as unlimited. */
function checkGrant({ lifetimeMs, idleTimeoutMs, revoked, check }: SessionGrant): void {
  if (!isDuration(lifetimeMs) || !isDuration(idleTimeoutMs))
    throw new Error('SessionPolicy.open() returned an invalid lifetimeMs or idleTimeoutMs')
  if (revoked !== undefined && !isSignal(revoked))
    throw new Error('SessionPolicy.open() returned a revoked that is no AbortSignal')
  if (check !== undefined && typeof check !== 'function')
    throw new Error('SessionPolicy.open() returned a check that is no function')
}

function isDuration(ms: unknown): boolean {
  return ms === undefined || (isTime(ms) && (ms as number) >= 0)
}

function failedClosed(slot: string, cause: unknown): AdmissionOutcome {
  const error = callbackFailed(slot, cause, `a caller was refused because ${slot}`)
  return {
    admitted: false,
    refusal: unavailable('the server could not decide whether to admit the caller'),
    error,
  }
}

/** A refusal with 503. */
export function unavailable(reason: string): Refusal {
  return { admit: false, status: 503, reason }
}

/** Throws `INVALID_OPTION` without a gate, because callers on other hosts can connect. */
export function requireGateFor(gate: Gate | undefined): void {
  if (gate) return
  invalidOption(
    'gate',
    gate,
    'a Gate that checks each caller, because callers on other hosts can connect (allowAll() admits every client); or listen on 127.0.0.1',
  )
}
