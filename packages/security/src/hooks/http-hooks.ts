import type { Handshake, HttpHooks, HttpResponse } from '@mcpwire/core'
import { headerEntries, invalidOption, normalizeHeaders } from '@mcpwire/core/authoring'

/**
 * Combines hooks of an HTTP server. The first response to a preflight is used. The headers of responses are those of all; of
 * two with the same name the later one is used, and the values of `Vary` are joined. Two routes with one path are an error.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const hooks = httpHooks(securityHeaders(), cors({ origins }), resource.hooks)
 * ```
 */
export function httpHooks(...all: HttpHooks[]): HttpHooks {
  const preflights = all.flatMap(({ preflight }) => preflight ?? [])
  const responseHeaders = all.flatMap(({ responseHeaders: headers }) => headers ?? [])
  const routes = all.flatMap(({ routes: each }) => Object.entries(each ?? {}))
  const paths = new Set<string>()
  for (const [path] of routes) {
    if (paths.has(path)) invalidOption('routes', path, 'one route for each path')
    paths.add(path)
  }
  return {
    ...(preflights.length > 0 && {
      preflight: (handshake: Handshake) => firstResponse(preflights, handshake),
    }),
    ...(responseHeaders.length > 0 && {
      responseHeaders: (handshake: Handshake) => mergedHeaders(responseHeaders, handshake),
    }),
    ...(routes.length > 0 && { routes: Object.fromEntries(routes) }),
  }
}

function firstResponse(
  preflights: readonly NonNullable<HttpHooks['preflight']>[],
  handshake: Handshake,
): HttpResponse | undefined {
  for (const preflight of preflights) {
    const response = preflight(handshake)
    if (response) return response
  }
  return undefined
}

function mergedHeaders(
  all: readonly NonNullable<HttpHooks['responseHeaders']>[],
  handshake: Handshake,
): Record<string, string> {
  const merged: Record<string, string> = {}
  const vary = new Set<string>()
  for (const headersFor of all) {
    for (const [name, value] of headerEntries(normalizeHeaders(headersFor(handshake)))) {
      if (name === 'vary') for (const each of value.split(',')) vary.add(each.trim())
      else merged[name] = value
    }
  }
  return vary.size > 0 ? { ...merged, vary: [...vary].join(', ') } : merged
}
