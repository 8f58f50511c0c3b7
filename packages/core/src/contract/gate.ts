import { invalidOption } from './options.js'
import type { AuthInfo, TlsFacts } from './transport.js'

/** What is known of a caller before anything it says is heard. */
export interface Handshake {
  readonly medium: 'tcp' | 'unix' | 'ws' | 'http' | 'memory' | (string & {})
  /** Where the caller is. `address` is an IP address, without port. */
  readonly remote: {
    readonly address?: string
    readonly port?: number
    readonly pid?: number
    readonly uid?: number
  }
  /** The name it called us by, with port if it gave one: the `Host` header. */
  readonly host?: string
  readonly path?: string
  /** What it sent in front of the conversation, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls?: TlsFacts
}

/** That a caller may talk. */
export interface Admission {
  readonly admit: true
  /** Who the caller is; reaches `peer` and every message context. */
  readonly authInfo?: AuthInfo
  /** When the admission ends, in milliseconds since the epoch; the connection then ends as `REFUSED`. */
  readonly expiresAt?: number
  /** Ends the connection as `REFUSED` when aborted. */
  readonly revoked?: AbortSignal
}

/** That a caller may not talk, and what to tell it. */
export interface Refusal {
  readonly admit: false
  /** The HTTP status that says why; media without statuses use it for the error alone. */
  readonly status: 401 | 403 | 421 | 429 | 503
  /** A sentence for the caller. It crosses the wire: no secrets, nothing about others. */
  readonly reason: string
  readonly retryAfterMs?: number
  /** The `WWW-Authenticate` header that goes with a 401. */
  readonly challenge?: string
}

/** What a gate decided. */
export type Verdict = Admission | Refusal

/** Decides who may talk. A gate that throws, takes longer than `gateTimeoutMs` or answers nonsense refuses. */
export interface Gate {
  admit(handshake: Handshake, signal: AbortSignal): Verdict | Promise<Verdict>
}

/** Throws `INVALID_OPTION` unless the value is a gate. */
export function requireGate(option: string, value: unknown): asserts value is Gate {
  if (typeof (value as Partial<Gate> | null | undefined)?.admit === 'function') return
  invalidOption(option, value, 'an object with a method admit(), as localOnly() returns it')
}

const refusalStatuses: readonly unknown[] = [401, 403, 421, 429, 503]

/** The verdict, or an error where it is not one: a condition that cannot be watched must not pass for none. */
export function checkVerdict(verdict: Verdict): Verdict {
  if (verdict?.admit === true) return checkAdmission(verdict)
  if (verdict?.admit === false && refusalStatuses.includes(verdict.status)) return verdict
  throw new Error('the verdict is neither an admission nor a refusal')
}

function checkAdmission(admission: Admission): Admission {
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
