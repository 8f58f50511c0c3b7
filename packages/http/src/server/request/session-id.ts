/** Names the session of a request, and of the answer that opens one. */
export const SESSION_HEADER = 'mcp-session-id'

/** 122 bits from the platform's source of randomness for secrets, in visible ASCII (SESS-S-02, SESS-S-03). */
export function newSessionId(): string {
  return crypto.randomUUID()
}
