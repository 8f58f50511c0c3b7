import type { JsonRpcRequest } from './message.js'
import { invalidOption } from './options.js'
import type { AuthInfo, TlsFacts } from './transport.js'

/** The facts about a caller before its first message is read. */
export interface Handshake {
  readonly medium: 'tcp' | 'unix' | 'ws' | 'http' | 'memory' | (string & {})
  /** The address of the caller. `address` is an IP address, without port. */
  readonly remote: {
    readonly address?: string
    readonly port?: number
    readonly pid?: number
    readonly uid?: number
  }
  /** The `Host` header: the name of this server, with the port if the caller gave one. */
  readonly host?: string
  readonly path?: string
  /** The HTTP method, such as `POST`. A WebSocket caller has `GET`. */
  readonly method?: string
  /** The scheme by which the caller reached this server, such as `https`. */
  readonly scheme?: string
  /** The headers before the first message, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls?: TlsFacts
}

/** The decision to admit a caller. */
export interface Admission {
  readonly admit: true
  /** The identity of the caller. `peer` and each message context contain it. */
  readonly authInfo?: AuthInfo
  /** The end of the admission, in milliseconds since the epoch. The connection then ends as `REFUSED`. */
  readonly expiresAt?: number
  /** Ends the connection as `REFUSED` when it aborts. */
  readonly revoked?: AbortSignal
}

/** The decision to refuse a caller. */
export interface Refusal {
  readonly admit: false
  /** The HTTP status of the refusal. Media without statuses use it for the error alone. */
  readonly status: 400 | 401 | 403 | 421 | 429 | 503
  /** The reason, as a text for the caller. It crosses the wire: no secrets, no facts about other callers. */
  readonly reason: string
  readonly retryAfterMs?: number
  /** The `WWW-Authenticate` header of a 401 or 403. */
  readonly challenge?: string
}

/** The decision of a gate. */
export type Verdict = Admission | Refusal

/**
 * Admits or refuses each caller. A gate that throws, exceeds `gateTimeoutMs` or returns no verdict refuses the caller.
 */
export interface Gate {
  /**
   * Decides about a caller.
   *
   * @param signal aborts after `gateTimeoutMs`, or when the listener closes
   * @param before what earlier gates of `allOf()` have admitted; left out for the first gate
   */
  admit(handshake: Handshake, signal: AbortSignal, before?: Admission): Verdict | Promise<Verdict>
  /**
   * Decides about a request of an admitted caller, before the application receives it. A refusal becomes the response:
   * over HTTP with its status and headers, elsewhere as a JSON-RPC error. Without a refusal the request is delivered.
   *
   * @param signal aborts after `gateTimeoutMs`, or when the connection ends
   */
  admitMessage?(
    message: JsonRpcRequest,
    handshake: Handshake,
    admission: Admission,
    signal: AbortSignal,
  ): Refusal | undefined | Promise<Refusal | undefined>
}

/**
 * Finds the caller behind a proxy. It is called once for each handshake, before all else: the gate, `peer.address`, limits,
 * hooks and logs use the handshake that it returns. A resolver that throws or returns neither refuses the caller.
 */
export type CallerResolver = (handshake: Handshake) => Handshake | Refusal

/** Throws `INVALID_OPTION` unless the value is a gate. */
export function requireGate(option: string, value: unknown): asserts value is Gate {
  const { admit, admitMessage } = (value ?? {}) as Partial<Gate>
  if (typeof admit === 'function' && (admitMessage === undefined || typeof admitMessage === 'function'))
    return
  invalidOption(option, value, 'an object with a method admit(), such as localOnly()')
}

const REFUSAL_STATUSES: readonly unknown[] = [400, 401, 403, 421, 429, 503]

/** Returns the verdict. Throws where it is none: an admission with an invalid end must not count as unlimited. */
export function checkVerdict(verdict: Verdict): Verdict {
  if (verdict?.admit === true) return checkAdmission(verdict)
  if (verdict?.admit === false && REFUSAL_STATUSES.includes(verdict.status)) return checkRefusal(verdict)
  throw new Error('the verdict is neither an admission nor a refusal')
}

function checkAdmission(admission: Admission): Admission {
  const { authInfo, expiresAt, revoked } = admission
  if (authInfo !== undefined && !isObject(authInfo)) throw new Error('authInfo must be an object')
  if (expiresAt !== undefined && !isTime(expiresAt)) throw new Error('expiresAt must be a number')
  if (revoked !== undefined && !isSignal(revoked)) throw new Error('revoked must be an AbortSignal')
  return admission
}

/** Throws for an invalid refusal: every medium sends its members, HTTP as headers, the others as JSON. */
export function checkRefusal(refusal: Refusal): Refusal {
  const { admit, status, reason, retryAfterMs, challenge } = refusal
  if (admit !== false || !REFUSAL_STATUSES.includes(status)) throw new Error('the value is no refusal')
  if (typeof reason !== 'string') throw new Error('reason must be a string')
  if (retryAfterMs !== undefined && !(Number.isFinite(retryAfterMs) && retryAfterMs >= 0))
    throw new Error('retryAfterMs must be a number')
  if (challenge !== undefined && typeof challenge !== 'string') throw new Error('challenge must be a string')
  return refusal
}

/** Returns the result of a `CallerResolver`. Throws where it is neither a handshake nor a refusal. */
export function checkResolved(result: Handshake | Refusal | undefined): Handshake | Refusal {
  if (!isObject(result)) throw new Error('it returned neither a handshake nor a refusal')
  if ('admit' in (result as Refusal)) return checkRefusal(result as Refusal)
  const { medium, remote, headers } = result as Handshake
  if (typeof medium !== 'string' || !isObject(remote) || !isObject(headers))
    throw new Error('it returned no handshake: medium, remote and headers are required')
  return result as Handshake
}

/** Whether the result of a `CallerResolver` is a refusal. */
export function isRefusal(result: Handshake | Refusal): result is Refusal {
  return 'admit' in result
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** Whether the value is an `AbortSignal`. */
export function isSignal(value: AbortSignal | null): boolean {
  return typeof value?.aborted === 'boolean' && typeof value.addEventListener === 'function'
}

/** Whether the value is a number of milliseconds. */
export function isTime(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value)
}
