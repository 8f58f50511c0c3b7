import { TransportError } from '../contract/errors.js'
import { type Admission, type Gate, requireGate } from '../contract/gate.js'
import { checkedVerdict } from './verdict.js'

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
        const verdict = checkedVerdict(await gate.admit(handshake, signal))
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
