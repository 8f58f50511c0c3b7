import type { Gate, Handshake } from '@mcpwire/core'
import { matching, optional, options } from '@mcpwire/core/authoring'
import { headerOf, refusal } from '../handshake-headers.js'

/** Options of the gate `identity` of trusted proxies. */
export interface IdentityOptions {
  /** The header with the name of the user, such as `X-Forwarded-User`. It becomes `clientId` and `extra.sub`. */
  userHeader: string
  /**
   * The header with the scopes or groups of the user, with blanks or commas between them. They become `scopes`.
   * @defaultValue undefined
   */
  scopesHeader?: string | undefined
}

const headerName = matching<string>(
  (value) => typeof value === 'string' && /^[!#$%&'*+\-.^_`|~\da-z]+$/i.test(value),
  'the name of a header',
)

const table = options<IdentityOptions, 'scopesHeader'>({
  userHeader: headerName,
  scopesHeader: optional(headerName),
})

const MAX_LENGTH = 512

/**
 * Makes a gate that admits the users that an authenticating proxy names. It believes handshakes for which `isTrusted`
 * returns true: those that came through a trusted proxy. Anybody else could send the same headers.
 */
export function identityGate(given: IdentityOptions, isTrusted: (handshake: Handshake) => boolean): Gate {
  const { userHeader, scopesHeader } = table.read(given)
  return {
    admit(handshake) {
      if (!isTrusted(handshake)) return refusal(401, 'the caller did not come through a trusted proxy')
      const user = headerOf(handshake, userHeader.toLowerCase())
      if (user === undefined || user === '') return refusal(401, 'the proxy has named no user')
      // A comma joins repeated headers: one of them could be that of the caller.
      if (user.length > MAX_LENGTH || /[,\p{Cc}]/u.test(user))
        return refusal(400, 'the proxy has named more than one user')
      const listed = scopesHeader === undefined ? undefined : headerOf(handshake, scopesHeader.toLowerCase())
      const scopes = (listed ?? '').split(/[\s,]+/).filter((scope) => scope !== '')
      return { admit: true, authInfo: { token: user, clientId: user, scopes, extra: { sub: user } } }
    },
  }
}
