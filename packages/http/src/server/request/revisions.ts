/** The revisions that open sessions with `initialize`, the newest first. */
export const sessionRevisions: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

/** The revisions without sessions that the endpoint supports. */
export const statelessRevisions: readonly string[] = ['2026-07-28']

/** The one revision with batches (GEN-09). */
export const REVISION_WITH_BATCHES = '2025-03-26'
/** The first revision whose streams begin with a priming event (HTTP-S-20) and may be polled. */
const FIRST_WITH_PRIMING = '2025-11-25'
/** The first revision without sessions: each request names its revision. */
const FIRST_STATELESS = '2026-07-28'

/** Whether a stream of a session with this revision may be closed and polled. */
export function allowsPolling(revision: string | undefined): boolean {
  // Revisions are dates, which sort as texts.
  return revision !== undefined && revision >= FIRST_WITH_PRIMING
}

/** Whether a version header names a revision without sessions. */
export function isStateless(version: string | undefined): boolean {
  return version !== undefined && version >= FIRST_STATELESS
}
