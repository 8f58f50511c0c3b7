import type { Admission, AuthInfo } from '@mcpwire/core'
import { callbackFailed, concealAuthInfo } from '@mcpwire/core/authoring'

/** Who sent a request: what a gate established, and texts to compare it by. */
export interface Caller {
  readonly admission: Admission
  readonly authInfo: AuthInfo | undefined
  /** Who shares a connection of 2026-07-28: by default the client, the user it acts for and what it may do. */
  readonly principal: string
  /** Whose a session is: by default the client and the user, as rights and credentials change during one. */
  readonly owner: string
}

const anybody = ''

/** Tells the callers of a gate apart: those of whom it says the same are one. */
export type PrincipalOf = (authInfo: AuthInfo) => string

/**
 * What the gate's admission says about the caller.
 *
 * @throws TransportError `CALLBACK_FAILED` where `principalOf` does not say who it is
 */
export function callerOf(admission: Admission, principalOf?: PrincipalOf): Caller {
  const { authInfo } = admission
  if (authInfo === undefined) return { admission, authInfo: undefined, principal: anybody, owner: anybody }
  if (!principalOf) return new KnownCaller(admission, authInfo)
  const principal = named(authInfo, principalOf)
  return { admission, authInfo: concealAuthInfo(authInfo), principal, owner: principal }
}

/** A request needs one of the two texts. */
class KnownCaller implements Caller {
  readonly admission: Admission
  readonly authInfo: AuthInfo
  #principal: string | undefined

  constructor(admission: Admission, authInfo: AuthInfo) {
    this.admission = admission
    this.authInfo = concealAuthInfo(authInfo)
  }

  get principal(): string {
    this.#principal ??= clientUserAndRights(this.authInfo)
    return this.#principal
  }

  get owner(): string {
    const { clientId, extra } = this.authInfo
    return JSON.stringify([clientId, userIn(extra)])
  }
}

/** Those whom `peer` of a connection could mistake for one another are told apart. */
function clientUserAndRights({ clientId, scopes, resource, extra, token }: AuthInfo): string {
  const user = userIn(extra)
  // Two tokens of which nobody says whose they are may be those of two users.
  const whose = user === '' ? { token } : { user }
  return JSON.stringify([clientId, whose, inOrder(scopes), resource?.href ?? resource])
}

function userIn(extra: AuthInfo['extra']): unknown {
  return extra?.['sub'] ?? extra?.['subject'] ?? ''
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
    throw callbackFailed('principal', cause, 'a caller was refused because principal()')
  }
}
