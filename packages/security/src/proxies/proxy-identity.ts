import type { Gate, Handshake } from '@mcpwire/core'
import {
  defaultsOf,
  matching,
  type OptionDefaults,
  type OptionRule,
  optional,
  options,
} from '@mcpwire/core/authoring'
import { headerOf, refusal } from '../handshake-headers.js'

/** Options of the gate `identity` of `trustedProxies`. */
export interface ProxyIdentityOptions {
  /**
   * Header with the user. Its value becomes `clientId` and `extra.sub`.
   * @defaultValue 'x-forwarded-user'
   */
  userHeader?: string | undefined
  /**
   * Header with the scopes of the user, separated by blanks. Without the option, or the header, there are none.
   * @defaultValue undefined
   */
  scopesHeader?: string | undefined
}

/** Headers of which Node keeps the first one only, so that a second one is not noticed. */
const KEPT_ONCE: readonly string[] = ['authorization', 'from', 'host', 'referer', 'user-agent']

const table = options<ProxyIdentityOptions, 'scopesHeader'>({
  userHeader: headerName('x-forwarded-user'),
  scopesHeader: optional(headerName()),
})

/** Defaults of the options of `identity` of `trustedProxies`. */
export const proxyIdentityDefaults: OptionDefaults<ProxyIdentityOptions, 'scopesHeader'> =
  /* @__PURE__ */ defaultsOf(table)

/** Visible ASCII, with blanks inside. A comma separates the values of a header that occurs twice. */
const VALUE = /^[!-+\--~]+(?: +[!-+\--~]+)*$/

const MAX_USER_LENGTH = 256
const MAX_SCOPES_LENGTH = 4_096

/** The gate for users whom a proxy has identified. */
export function proxyIdentity(
  given: ProxyIdentityOptions,
  isBehindProxy: (handshake: Handshake) => boolean,
): Gate {
  const { userHeader, scopesHeader } = table.read(given)
  return {
    admit(handshake) {
      if (!isBehindProxy(handshake)) return refusal(401, 'no trusted proxy has identified the caller')
      const user = headerOf(handshake, userHeader.toLowerCase())
      if (user === undefined || user === '') return refusal(401, 'the proxy has not identified the caller')
      if (!isValue(user, MAX_USER_LENGTH)) return refusal(400, 'the header of the user is malformed')
      const scopes = scopesHeader === undefined ? '' : (headerOf(handshake, scopesHeader.toLowerCase()) ?? '')
      if (scopes !== '' && !isValue(scopes, MAX_SCOPES_LENGTH))
        return refusal(400, 'the header of the scopes is malformed')
      return {
        admit: true,
        authInfo: {
          token: '',
          clientId: user,
          scopes: scopes === '' ? [] : [...new Set(scopes.split(/ +/))],
          extra: { sub: user },
        },
      }
    },
  }
}

function isValue(text: string, maxLength: number): boolean {
  return text.length <= maxLength && VALUE.test(text)
}

function headerName<D extends string | undefined = undefined>(defaultValue?: D): OptionRule<string, D> {
  return matching(
    (value) =>
      typeof value === 'string' &&
      /^[!#$%&'*+\-.^_`|~\da-z]+$/i.test(value) &&
      !KEPT_ONCE.includes(value.toLowerCase()),
    'the name of a header that only the proxy sets',
    defaultValue,
  )
}
