import type { HttpHooks } from '@mcpwire/core'
import {
  defaultsOf,
  invalidHeaderReason,
  invalidOption,
  type OptionDefaults,
  type OptionRule,
  options,
  rejectOption,
  rule,
} from '@mcpwire/core/authoring'

/** Options of `securityHeaders`. Each is the value of a header, or `false` to leave the header out. */
export interface SecurityHeadersOptions {
  /**
   * `X-Content-Type-Options`. Browsers take no response for a script or a style.
   * @defaultValue 'nosniff'
   */
  contentTypeOptions?: string | false | undefined
  /**
   * `Content-Security-Policy`. A response that a browser shows as a page loads and runs nothing, and is in no frame.
   * @defaultValue "default-src 'none'; frame-ancestors 'none'"
   */
  contentSecurityPolicy?: string | false | undefined
  /**
   * `Cross-Origin-Resource-Policy`. Pages of other origins embed no response. It does not concern CORS.
   * @defaultValue 'same-origin'
   */
  crossOriginResourcePolicy?: string | false | undefined
  /**
   * `Referrer-Policy`.
   * @defaultValue 'no-referrer'
   */
  referrerPolicy?: string | false | undefined
  /**
   * `X-Frame-Options`, for browsers that do not know `frame-ancestors`.
   * @defaultValue 'DENY'
   */
  frameOptions?: string | false | undefined
  /**
   * `Cache-Control` of responses without one of their own. Event streams and metadata have their own.
   * @defaultValue 'no-store'
   */
  cacheControl?: string | false | undefined
  /**
   * `Strict-Transport-Security`, such as `max-age=31536000`. Sent only where the caller used https, by the connection or by
   * a trusted proxy. Browsers then use https for the whole host, so it is off by default.
   * @defaultValue false
   */
  strictTransportSecurity?: string | false | undefined
}

const table = options<SecurityHeadersOptions>({
  contentTypeOptions: headerValue('nosniff'),
  contentSecurityPolicy: headerValue("default-src 'none'; frame-ancestors 'none'"),
  crossOriginResourcePolicy: headerValue('same-origin'),
  referrerPolicy: headerValue('no-referrer'),
  frameOptions: headerValue('DENY'),
  cacheControl: headerValue('no-store'),
  strictTransportSecurity: headerValue(false),
})

/** Defaults of the options of `securityHeaders`. */
export const securityHeadersDefaults: OptionDefaults<SecurityHeadersOptions> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * Makes hooks with headers by which browsers treat responses as data: for every response of an HTTP server, refusals
 * and errors included. A header that a response has itself is kept.
 *
 * @throws TransportError `INVALID_OPTION`, also for a value that HTTP cannot carry
 *
 * @example
 * ```ts
 * const listener = httpServer({
 *   port: 8443,
 *   tls: { certFile: 'server.pem', keyFile: 'server.key' },
 *   hooks: securityHeaders({ strictTransportSecurity: 'max-age=31536000' }),
 * })
 * ```
 */
export function securityHeaders(given: SecurityHeadersOptions = {}): HttpHooks {
  const settings = table.read(given)
  const headers = Object.freeze(
    withoutFalse({
      'x-content-type-options': settings.contentTypeOptions,
      'content-security-policy': settings.contentSecurityPolicy,
      'cross-origin-resource-policy': settings.crossOriginResourcePolicy,
      'referrer-policy': settings.referrerPolicy,
      'x-frame-options': settings.frameOptions,
      'cache-control': settings.cacheControl,
    }),
  )
  const secureHeaders = Object.freeze({
    ...headers,
    ...withoutFalse({ 'strict-transport-security': settings.strictTransportSecurity }),
  })
  return { responseHeaders: ({ scheme }) => (scheme === 'https' ? secureHeaders : headers) }
}

function withoutFalse(headers: Readonly<Record<string, string | false>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== false),
  )
}

function headerValue<D extends string | false>(defaultValue: D): OptionRule<string | false, D> {
  return rule<string | false, D>((option, value) => {
    if (value === false) return
    if (typeof value !== 'string' || value.trim() === '')
      invalidOption(option, value, 'the value of a header, or false')
    if (invalidHeaderReason('x', value) !== undefined) rejectOption(option, 'a value that HTTP can carry')
  }, defaultValue)
}
