/** 122 bits from the platform's source of randomness for secrets, in visible ASCII (SESS-S-02, SESS-S-03). */
export function newSessionId(): string {
  return crypto.randomUUID()
}
