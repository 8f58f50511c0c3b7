import type { Clock } from '../contract/clock.js'
import {
  type Admission,
  checkVerdict,
  type Gate,
  type Handshake,
  isTime,
  type Refusal,
  type Verdict,
} from '../contract/gate.js'
import type { Incoming } from '../contract/listener.js'
import { invalidOption } from '../contract/options.js'
import type { CapacityRefusal, SessionGrant, SessionPolicy } from '../contract/session-policy.js'
import { deferred, isThenable } from '../timing/promises.js'
import { whenAborted } from '../timing/when-aborted.js'
import { callbackFailed } from '../transport/transport-errors.js'

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
): Promise<AdmissionOutcome> {
  const { gate, sessionPolicy, clock } = options
  let verdict: Verdict
  try {
    verdict = checkVerdict(
      decided ?? (gate ? await callGate(gate, handshake, options, signal) : { admit: true }),
    )
  } catch (cause) {
    if (signal.aborted) return { admitted: false, refusal: unavailable('the server is shutting down') }
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
  try {
    const grant: SessionGrant | Refusal | undefined = sessionPolicy.open(
      { handshake, admission: verdict },
      signal,
    ) as SessionGrant | Refusal
    if (isThenable(grant)) throw await rejectionOf(grant)
    if (grant?.admit !== true) return { admitted: false, refusal: checkVerdict(grant) as Refusal }
    if (isDuration(grant.lifetimeMs) && isDuration(grant.idleTimeoutMs)) {
      return { admitted: true, admission: verdict, grant }
    }
    throw new Error('SessionPolicy.open() returned an invalid lifetimeMs or idleTimeoutMs')
  } catch (cause) {
    return failedClosed('sessionPolicy.open', cause)
  }
}

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
  const { clock, gateTimeoutMs } = options
  let outcome = await admit(handshake, options, signal, admission)
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
      if (!isLate) outcome = await admit(handshake, options, signal, admission)
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

/** A controller without a user, for gates that take no signal and return immediately. */
let spareController: AbortController | undefined

/** The verdict of the gate, unless the signal or the timeout comes first. The signal of the gate then aborts. */
function callGate(
  gate: Gate,
  handshake: Handshake,
  options: AdmissionOptions,
  signal: AbortSignal,
): Verdict | Promise<Verdict> {
  signal.throwIfAborted()
  const takesNoSignal = gate.admit.length < 2
  const controller = (takesNoSignal ? spareController : undefined) ?? new AbortController()
  if (takesNoSignal) spareController = undefined
  const verdict = gate.admit(handshake, controller.signal)
  if (isThenable(verdict)) return withTimeout(verdict, controller, options, signal)
  if (takesNoSignal) spareController = controller
  return verdict
}

function withTimeout(
  verdict: PromiseLike<Verdict>,
  controller: AbortController,
  { clock, gateTimeoutMs }: AdmissionOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const cancel = (reason: unknown): void => {
      release()
      reject(reason)
      controller.abort(reason)
    }
    const deadline = clock.deadline(gateTimeoutMs, () => {
      cancel(new Error(`the gate did not decide within gateTimeoutMs (${gateTimeoutMs} ms)`))
    })
    const abort = (): void => cancel(signal.reason)
    const release = (): void => {
      deadline[Symbol.dispose]()
      unsubscribe()
    }
    const unsubscribe = whenAborted(signal, abort)
    verdict.then(
      (result) => {
        release()
        resolve(result)
      },
      (error: unknown) => {
        release()
        reject(error)
      },
    )
    // The gate itself may have aborted the signal.
    if (signal.aborted) abort()
  })
}

/** The error for a policy that returned a promise: its rejection where it has one. */
async function rejectionOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  return new Error('SessionPolicy.open() returned a promise')
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

function unavailable(reason: string): Refusal {
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
