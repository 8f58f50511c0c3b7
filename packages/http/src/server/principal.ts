import { type Admission, type AuthInfo, concealAuthInfo, TransportError, toError } from '@mcpwire/core'

/** Who sent a request: what a gate established, and one text to compare it by. */
export interface Caller {
  readonly authInfo: AuthInfo | undefined
  /** The client, the user it acts for and what it may do; not the credential, which is renewed during a session. */
  readonly principal: string
  readonly admission: Admission
}

const anybody = ''

/** Tells the callers of a gate apart: those of whom it says the same are one. */
export type PrincipalOf = (authInfo: AuthInfo) => string

/**
 * What the gate's admission says about the caller.
 *
 * @throws TransportError `CALLBACK_FAILED` where `principalOf` does not say who it is
 */
export function callerOf(admission: Admission, principalOf: PrincipalOf = clientUserAndRights): Caller {
  const { authInfo } = admission
  if (authInfo === undefined) return { authInfo: undefined, principal: anybody, admission }
  return { authInfo: concealAuthInfo(authInfo), principal: named(authInfo, principalOf), admission }
}

/** Those whom `peer` of a connection, or a message of another request, could mistake for one another are told apart. */
function clientUserAndRights({ clientId, scopes, resource, extra, token }: AuthInfo): string {
  const user = extra?.['sub'] ?? extra?.['subject'] ?? ''
  // Two tokens of which nobody says whose they are may be those of two users.
  const whose = user === '' ? { token } : { user }
  return JSON.stringify([clientId, whose, inOrder(scopes), resource?.href ?? resource])
}

/** Each of them once, and in the same order however they were listed. */
function inOrder(scopes: readonly string[] = []): readonly string[] {
  for (let at = 1; at < scopes.length; at++) {
    // Most lists are the same each time, and many in order: sorting is what costs here.
    if ((scopes[at - 1] as string) >= (scopes[at] as string)) return [...new Set(scopes)].sort()
  }
  return scopes
}

function named(authInfo: AuthInfo, principalOf: PrincipalOf): string {
  try {
    const principal: unknown = principalOf(authInfo)
    // Not to be taken for nobody in particular, who has the empty one.
    if (typeof principal === 'string') return `=${principal}`
    throw new Error('it is no text')
  } catch (cause) {
    const message = `a caller was refused because principal() failed: ${toError(cause).message}`
    throw new TransportError('CALLBACK_FAILED', message, { slot: 'principal' }, { cause })
  }
}
