import { isRequest, type JsonRpcMessage } from '@mcpwire/core'

/** The revisions that open sessions with `initialize`, the newest first. */
export const sessionRevisions: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

/** The one revision with batches (GEN-09). */
export const REVISION_WITH_BATCHES = '2025-03-26'
/** From here on streams begin with an event that names where to continue (HTTP-S-20), and may be polled. */
const FIRST_WITH_PRIMING = '2025-11-25'
/** From here on requests name their revision themselves, and there are no sessions. */
const FIRST_WITHOUT_SESSIONS = '2026-07-28'

const REVISION_KEY = 'io.modelcontextprotocol/protocolVersion'

/** Whether a stream of a session that keeps to this revision may be closed and polled. */
export function allowsPolling(revision: string | undefined): boolean {
  // Revisions are dates, which sort as texts.
  return revision !== undefined && revision >= FIRST_WITH_PRIMING
}

/** Whether a version header names a revision without sessions. */
export function isSessionless(version: string): boolean {
  return version >= FIRST_WITHOUT_SESSIONS
}

/** The revision that the message itself keeps to, as all requests name one since 2026-07-28. */
export function revisionNamedBy(message: JsonRpcMessage): string | undefined {
  if (!isRequest(message)) return undefined
  const named = message.params?._meta?.[REVISION_KEY]
  return typeof named === 'string' ? named : undefined
}
