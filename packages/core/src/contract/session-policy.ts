import type { Admission, Handshake, Refusal } from './gate.js'

/** The permission to open a session, with its limits. */
export interface SessionGrant {
  readonly admit: true
  /** Longest life of the session, in milliseconds. Unlimited if left out. */
  readonly lifetimeMs?: number
  /** Longest time without a message in either direction, in milliseconds. Unlimited if left out. */
  readonly idleTimeoutMs?: number
  /** Called once when the session has ended. */
  readonly release?: () => void
}

/**
 * Limits sessions: their number per address or principal, and their lifetime. Called after the gate has admitted the
 * caller. Listeners and the session table of HTTP enforce it.
 */
export interface SessionPolicy {
  open(handshake: Handshake, admission: Admission): SessionGrant | Refusal
}
