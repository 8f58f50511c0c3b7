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

/** The refusal of a policy whose capacity is used up, until a connection ends. */
export interface CapacityRefusal extends Refusal {
  /**
   * Resolves when the policy may admit another caller. A listener that can end an idle connection, such as an HTTP session
   * without an open stream and a request in flight, does so, waits for this and asks again. It waits at most
   * `gateTimeoutMs`. Other callers are refused at once.
   */
  readonly whenFree: () => Promise<void>
}

/**
 * Limits sessions: their number per address or principal, and their lifetime. Called after the gate has admitted the
 * caller. Listeners and the session table of HTTP enforce it.
 */
export interface SessionPolicy {
  open(handshake: Handshake, admission: Admission): SessionGrant | Refusal | CapacityRefusal
}
