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

/** Admits everybody. The explicit way to serve beyond this host without asking who calls. */
export function allowAll(): Gate {
  return { admit: () => ({ admit: true }) }
}

/**
 * Admits callers on this host only: the address they come from, the `Host` they ask for and, if there is one, the
 * `Origin` of their page must each name this host. This is what keeps a page in a local browser, and a name that
 * was rebound to this host, from reaching a local server. Media without these headers have none to check.
 */
export function localOnly(): Gate {
  /** The last Host that was local: most callers use the same one. */
  let known: string | undefined
  return {
    admit({ remote, host, headers }) {
      if (remote.address !== undefined && !isLoopback(remote.address)) {
        return refuse(403, 'only callers on this host are admitted')
      }
      if (host !== undefined && host !== known) {
        if (!isLocalName(nameOf(host))) return refuse(403, 'the Host does not name this host')
        known = host
      }
      const origin = headers['origin']
      if (origin !== undefined && !isLocalOrigin(origin)) return refuse(403, 'the Origin is not on this host')
      return { admit: true }
    },
  }
}

function refuse(status: Refusal['status'], reason: string): Refusal {
  return { admit: false, status, reason }
}

function isLocalOrigin(origin: string): boolean {
  try {
    return isLocalName(new URL(origin).hostname)
  } catch {
    // `null`, the origin of sandboxed pages and files, is nobody's.
    return false
  }
}

/** The name in a `Host` header, without its port; empty where it is none. */
function nameOf(host: string): string {
  // The URL parser also takes a user, a path and blanks, none of which belong in a Host (RFC 9110, section 7.2).
  if (/[^\w.:[\]-]/.test(host)) return ''
  try {
    return new URL(`http://${host}`).hostname
  } catch {
    return ''
  }
}

function isLocalName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name.replace(/^\[|\]$/g, ''))
}

const LOOPBACK_IPV4 = /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

/** Whether an IP address is one of this host's loopback addresses (RFC 1122, RFC 4291, and IPv4 mapped into IPv6). */
export function isLoopback(address: string): boolean {
  const ip = address.toLowerCase().replace(/^::ffff:/, '')
  return LOOPBACK_IPV4.test(ip) || ip === '::1' || ip === '7f00:1'
}
