import type { HttpHooks } from '@mcpwire/core'
import { invalidHeaderReason, invalidOption, rejectOption } from '@mcpwire/core/authoring'

/** Headers by name, to add or replace. `false` leaves out a header of the preset. */
export type SecurityHeaders = Readonly<Record<string, string | false>>

/** The preset: a server of MCP sends nothing that a browser should show as a page. */
export const securityHeadersDefaults: Readonly<Record<string, string>> = Object.freeze({
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
})

const HSTS = 'strict-transport-security'

/**
 * Adds security headers to each response of an HTTP server, for its option `hooks`: those of `securityHeadersDefaults`, and
 * the given ones. `Strict-Transport-Security` is sent to callers over https only, and not unless given: it applies to all
 * ports of the host.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const hooks = securityHeaders({ 'strict-transport-security': 'max-age=31536000', 'x-frame-options': false })
 * ```
 */
export function securityHeaders(given: SecurityHeaders = {}): HttpHooks {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    invalidOption('headers', given, 'an object of headers')
  const headers = new Map(Object.entries(securityHeadersDefaults))
  for (const [name, value] of Object.entries(given)) {
    const key = name.toLowerCase()
    if (value === false) headers.delete(key)
    else {
      const reason = invalidHeaderReason(name, value)
      if (reason !== undefined)
        rejectOption(`headers[${JSON.stringify(name)}]`, `a header that can be sent: ${reason}`)
      headers.set(key, value)
    }
  }
  const overHttps = Object.fromEntries(headers)
  const { [HSTS]: _, ...overHttp } = overHttps
  return { responseHeaders: ({ scheme }) => (scheme === 'https' ? overHttps : overHttp) }
}
