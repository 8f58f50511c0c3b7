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
import type { SessionGrant, SessionPolicy } from '../contract/session-policy.js'
import { isThenable } from '../timing/promises.js'
import { whenAborted } from '../timing/when-aborted.js'
import { callbackFailed } from '../transport/transport-errors.js'

/** Who decides, and how long they may take. */
export interface AdmissionOptions {
  readonly gate?: Gate | undefined
  readonly gateTimeoutMs: number
  readonly sessionPolicy?: SessionPolicy | undefined
  readonly clock: Clock
}

/** What came of a caller at the door. */
export type AdmissionOutcome =
  | { readonly admitted: true; readonly admission: Admission; readonly grant?: SessionGrant }
  | { readonly admitted: false; readonly refusal: Refusal; readonly error?: Error }

/**
 * Asks the gate and then the session policy about a caller. Fails closed: whatever is not a plain admission is a
 * refusal. Settles at the latest after `gateTimeoutMs`, or when the signal aborts. Never rejects.
 *
 * @param decided the decision of the gate where it was called before; only the session policy is called then
 */
export async function admit(
  handshake: Handshake,
  keepers: AdmissionOptions,
  signal: AbortSignal,
  decided?: Admission,
): Promise<AdmissionOutcome> {
  const { gate, sessionPolicy, clock } = keepers
  let verdict: Verdict
  try {
    verdict =
      decided ?? (gate ? checkVerdict(await asked(gate, handshake, keepers, signal)) : { admit: true })
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
    const grant: SessionGrant | Refusal | undefined = sessionPolicy.open(handshake, verdict)
    if (isThenable(grant)) throw await rejectionOf(grant)
    if (grant?.admit !== true) return { admitted: false, refusal: checkVerdict(grant) as Refusal }
    if (isDuration(grant.lifetimeMs) && isDuration(grant.idleTimeoutMs)) {
      return { admitted: true, admission: verdict, grant }
    }
    throw new Error('the grant has a duration that is none')
  } catch (cause) {
    return failedClosed('sessionPolicy.open', cause)
  }
}

/** The signal for gates that do not look at it and answered at once: one does for all of them. */
let unused: AbortController | undefined

/** The gate's answer, unless the signal or the deadline comes first; the gate's own signal then aborts. */
function asked(
  gate: Gate,
  handshake: Handshake,
  keepers: AdmissionOptions,
  signal: AbortSignal,
): Verdict | Promise<Verdict> {
  signal.throwIfAborted()
  const isUnseen = gate.admit.length < 2
  const patience = (isUnseen ? unused : undefined) ?? new AbortController()
  if (isUnseen) unused = undefined
  const verdict = gate.admit(handshake, patience.signal)
  if (isThenable(verdict)) return inTime(verdict, patience, keepers, signal)
  if (isUnseen) unused = patience
  return verdict
}

function inTime(
  verdict: PromiseLike<Verdict>,
  patience: AbortController,
  { clock, gateTimeoutMs }: AdmissionOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const giveUp = (reason: unknown): void => {
      settled()
      reject(reason)
      patience.abort(reason)
    }
    const late = clock.deadline(gateTimeoutMs, () => {
      giveUp(new Error(`the gate took longer than gateTimeoutMs (${gateTimeoutMs} ms)`))
    })
    const abort = (): void => giveUp(signal.reason)
    const settled = (): void => {
      late[Symbol.dispose]()
      forget()
    }
    const forget = whenAborted(signal, abort)
    verdict.then(
      (said) => {
        settled()
        resolve(said)
      },
      (error: unknown) => {
        settled()
        reject(error)
      },
    )
    // The gate itself may have ended what it is asked for.
    if (signal.aborted) abort()
  })
}

/** A policy answers at once; what a promise of one rejects with is to be heard all the same. */
async function rejectionOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  return new Error('it answered with a promise')
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
