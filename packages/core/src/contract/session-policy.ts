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
  /** Ends the session as `REFUSED` when it aborts. */
  readonly revoked?: AbortSignal
  /**
   * Checks each further HTTP request of the session, which has a handshake and an admission of its own. A refusal is the
   * response to the request; the session stays open. Media with one handshake for each session do not call it.
   */
  readonly check?: (handshake: Handshake, admission: Admission) => Refusal | undefined
}

/** A caller that the gate has admitted, and that wants to open a session. */
export interface SessionAttempt {
  readonly handshake: Handshake
  readonly admission: Admission
  /** The id of the session, where the medium has ids. */
  readonly sessionId?: string
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
  /**
   * Decides about a session. A grant that comes after `gateTimeoutMs`, or after the caller has left, is released.
   *
   * @param signal aborts after `gateTimeoutMs`, or when the listener closes
   */
  open(
    attempt: SessionAttempt,
    signal: AbortSignal,
  ): SessionGrant | Refusal | CapacityRefusal | Promise<SessionGrant | Refusal | CapacityRefusal>
}
