/** Why a session may end to make space for another one, and since when. The first grades end first. */
export interface Idleness {
  /**
   * `unused`: without a request after `initialize`. `idle`: without an open stream and a request in flight. `away`: with
   * a request in flight whose client has disconnected and may still resume.
   */
  readonly grade: 'unused' | 'idle' | 'away'
  readonly since: number
}

/** A session that may be idle. */
export interface Evictable {
  /** Absent or `undefined` while it is in use. */
  readonly idleness?: Idleness | undefined
}

/** What one principal uses. */
export interface PrincipalUsage {
  sessions: number
  /** The requests in flight of all sessions. */
  inFlight: number
}

const GRADES: readonly Idleness['grade'][] = ['unused', 'idle', 'away']

/** The session that makes space first: by its grade, then the one that is idle the longest. */
export function longestIdle<T extends Evictable>(
  sessions: Iterable<T>,
  matches: (session: T) => boolean,
): T | undefined {
  let found: { readonly session: T; readonly grade: number; readonly since: number } | undefined
  for (const session of sessions) {
    const { idleness } = session
    if (!idleness || !matches(session)) continue
    const grade = GRADES.indexOf(idleness.grade)
    const { since } = idleness
    if (!found || grade < found.grade || (grade === found.grade && since < found.since))
      found = { session, grade, since }
  }
  return found?.session
}

/** A quarter of a total: the part that one principal may take by default. */
export function quarterOf(total: number): number {
  return Math.max(1, Math.floor(total / 4))
}
