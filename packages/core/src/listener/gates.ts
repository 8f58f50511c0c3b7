import { TransportError } from '../contract/errors.js'
import {
  type Admission,
  checkRefusal,
  checkVerdict,
  type Gate,
  type Refusal,
  requireGate,
} from '../contract/gate.js'
import { isThenable } from '../timing/promises.js'

/**
 * Makes a gate that admits every caller. It is the explicit way to accept other hosts without authentication.
 *
 * @example
 * ```ts
 * const listener = tcpServer({ host: '0.0.0.0', port: 7000, gate: allowAll() })
 * ```
 */
export function allowAll(): Gate {
  return { admit: () => ({ admit: true }) }
}

/**
 * Makes a gate that admits callers on this host only. The remote address, the `Host` and the `Origin` of a caller must each
 * name this host, where the medium has them. This protects a local server from pages of other hosts in a local browser
 * and from DNS rebinding.
 *
 * An origin is a scheme, a host and a port. Pages of this host are admitted with any scheme and port, such as
 * `http://localhost:6274`: development tools and the MCP Inspector are such pages, and the MCP SDKs admit them too.
 *
 * @example
 * ```ts
 * const listener = httpServer({ port: 8080, gate: localOnly() })
 * ```
 */
export function localOnly(): Gate {
  /** The last local Host: most callers send the same one. */
  let lastLocalHost: string | undefined
  return {
    admit({ remote, host, headers }) {
      if (remote.address !== undefined && !isLoopback(remote.address)) {
        return refuse('the caller is on another host')
      }
      if (host !== undefined && host !== lastLocalHost) {
        if (!isLocalName(nameOf(host))) return refuse('the Host header has no local name')
        lastLocalHost = host
      }
      const origin = headers['origin']
      if (origin !== undefined && !isLocalOrigin(origin)) return refuse('the Origin header has no local name')
      return { admit: true }
    },
  }
}

/**
 * Makes a gate that admits a caller if all gates admit it. The gates are called in order, each with what the earlier ones
 * have admitted; the first refusal is final. So put gates that are cheap, such as `originIn()`, before expensive ones. The
 * `authInfo` is that of the last gate with one. The admission ends with the first of theirs. Each request is admitted by
 * all gates that have `admitMessage`.
 *
 * @throws TransportError `INVALID_OPTION` without a gate, or with an invalid one
 *
 * @example
 * ```ts
 * const gate = allOf(localOnly(), bearer(verify))
 * ```
 */
export function allOf(...gates: Gate[]): Gate {
  if (gates.length === 0) {
    throw new TransportError('INVALID_OPTION', 'allOf() requires at least one gate', {
      option: 'gates',
      received: [],
    })
  }
  for (const gate of gates) requireGate('gate', gate)
  const perMessage = gates.filter((gate) => gate.admitMessage !== undefined)
  return {
    async admit(handshake, signal, before) {
      let combined = before
      for (const gate of gates) {
        signal.throwIfAborted()
        // Each verdict is checked: an invalid one must not be hidden by the others.
        const verdict = checkVerdict(await gate.admit(handshake, signal, combined))
        if (!verdict.admit) return verdict
        combined = combined ? combine(combined, verdict) : verdict
      }
      return combined as Admission
    },
    ...(perMessage.length > 0 && {
      admitMessage: (message, handshake, admission, signal) =>
        firstRefusal(perMessage, (gate) => gate.admitMessage?.(message, handshake, admission, signal)),
    }),
  }
}

/** The refusal of the first gate that refuses. Synchronous unless a gate returns a promise. */
function firstRefusal(
  gates: readonly Gate[],
  ask: (gate: Gate) => ReturnType<NonNullable<Gate['admitMessage']>>,
  from = 0,
): Refusal | undefined | Promise<Refusal | undefined> {
  for (let at = from; at < gates.length; at++) {
    const answer = ask(gates[at] as Gate)
    if (isThenable(answer)) {
      return Promise.resolve(answer).then((refusal) =>
        refusal === undefined ? firstRefusal(gates, ask, at + 1) : checkRefusal(refusal),
      )
    }
    if (answer !== undefined) return checkRefusal(answer)
  }
  return undefined
}

function combine(a: Admission, b: Admission): Admission {
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

/** The refusal of `localOnly()`. It names the option to change: behind a proxy the operator reads it at the client. */
function refuse(why: string): Refusal {
  const reason = `${why}: localOnly(), the default gate, admits this host only; set option "gate" of the server`
  return { admit: false, status: 403, reason }
}

function isLocalOrigin(origin: string): boolean {
  try {
    return isLocalName(new URL(origin).hostname)
  } catch {
    // Such as `null`, the origin of sandboxed pages and files.
    return false
  }
}

/** The name in a `Host` header, without its port; empty for an invalid one. */
function nameOf(host: string): string {
  // The URL parser also accepts a user, a path and blanks, which are invalid in a Host (RFC 9110, section 7.2).
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

/** Whether an IP address is a loopback address (RFC 1122, RFC 4291, and IPv4 mapped into IPv6). */
export function isLoopback(address: string): boolean {
  const ip = address.toLowerCase().replace(/^::ffff:/, '')
  return LOOPBACK_IPV4.test(ip) || ip === '::1' || ip === '7f00:1'
}
