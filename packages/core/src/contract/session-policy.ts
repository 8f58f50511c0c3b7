import type { Admission, Handshake, Refusal } from './gate.js'

/** That a caller may open a session, and for how long. */
export interface SessionGrant {
  readonly admit: true
  /** How long the session may last, in milliseconds. Unlimited without it. */
  readonly lifetimeMs?: number
  /** How long nothing may be said in either direction, in milliseconds. Unlimited without it. */
  readonly idleTimeoutMs?: number
  /** Called once when the session is over. */
  readonly release?: () => void
}

/**
 * Decides who may open a session and how long it lives: caps by address or by principal, lifetimes. Asked after
 * the gate has admitted the caller; enforced by listeners and by the session table of HTTP.
 */
export interface SessionPolicy {
  open(handshake: Handshake, admission: Admission): SessionGrant | Refusal
}
