import { TransportError } from '../contract/errors.js'
import { type Admission, checkVerdict, type Gate, type Refusal, requireGate } from '../contract/gate.js'

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

/**
 * Admits whom every one of the gates admits, asked in order; the first refusal stands. The caller is who the last
 * gate that says so says it is; the admission ends when the first of theirs does.
 *
 * @throws TransportError `INVALID_OPTION` when there is no gate, or one that is none
 */
export function allOf(...gates: Gate[]): Gate {
  if (gates.length === 0) {
    throw new TransportError('INVALID_OPTION', 'allOf() needs at least one gate', {
      option: 'gates',
      received: [],
    })
  }
  for (const gate of gates) requireGate('gate', gate)
  return {
    async admit(handshake, signal) {
      let together: Admission = { admit: true }
      for (const gate of gates) {
        signal.throwIfAborted()
        // Judged one by one: what a single gate would be refused for must not get lost among others.
        const verdict = checkVerdict(await gate.admit(handshake, signal))
        if (!verdict.admit) return verdict
        together = both(together, verdict)
      }
      return together
    },
  }
}

function both(a: Admission, b: Admission): Admission {
  const authInfo = b.authInfo ?? a.authInfo
  const expiresAt = Math.min(a.expiresAt ?? Infinity, b.expiresAt ?? Infinity)
  const revoked = a.revoked && b.revoked ? AbortSignal.any([a.revoked, b.revoked]) : (b.revoked ?? a.revoked)
  return {
    admit: true,
    ...(authInfo && { authInfo }),
    ...(expiresAt !== Infinity && { expiresAt }),
    ...(revoked && { revoked }),
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
