import { type Admission, type AuthInfo, concealAuthInfo } from '@mcpwire/core'

/** Who sent a request: what a gate established, and one text to compare it by. */
export interface Caller {
  readonly authInfo: AuthInfo | undefined
  /** The client and the user it acts for, not the credential: those are renewed during a session. */
  readonly principal: string
  readonly admission: Admission
}

const anybody = ''

/** What the gate's admission says about the caller. */
export function callerOf(admission: Admission): Caller {
  const { authInfo } = admission
  if (authInfo === undefined) return { authInfo: undefined, principal: anybody, admission }
  const { clientId, extra } = authInfo
  const subject = extra?.['sub'] ?? extra?.['subject'] ?? null
  return { authInfo: concealAuthInfo(authInfo), principal: JSON.stringify([clientId, subject]), admission }
}
