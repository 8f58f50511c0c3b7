import type { Admission, Verdict } from '../contract/gate.js'

const refusalStatuses: readonly unknown[] = [401, 403, 421, 429, 503]

/** The verdict, or an error where it is not one: a condition that cannot be watched must not pass for none. */
export function checkedVerdict(verdict: Verdict): Verdict {
  if (verdict?.admit === true) return checkedAdmission(verdict)
  if (verdict?.admit === false && refusalStatuses.includes(verdict.status)) return verdict
  throw new Error('the verdict is neither an admission nor a refusal')
}

function checkedAdmission(admission: Admission): Admission {
  const { authInfo, expiresAt, revoked } = admission
  if (authInfo !== undefined && !isObject(authInfo)) throw new Error('authInfo is no object')
  if (expiresAt !== undefined && !isTime(expiresAt)) throw new Error('expiresAt is no time')
  if (revoked !== undefined && !isSignal(revoked)) throw new Error('revoked is no signal')
  return admission
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isSignal(value: AbortSignal | null): boolean {
  return typeof value?.aborted === 'boolean' && typeof value.addEventListener === 'function'
}

/** Whether it is a number of milliseconds. */
export function isTime(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value)
}
