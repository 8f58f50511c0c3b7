import type { Handshake, HttpHooks } from '@mcpwire/core'

const PREFLIGHT_AGE_SECONDS = 600

/** Lets browsers show pages of these origins what a server answers (Fetch, CORS protocol), and tells no others anything. */
export function corsFor(origins: readonly string[]): HttpHooks {
  const allowed = ({ headers: { origin } }: Handshake): Record<string, string> =>
    origin === undefined || !origins.includes(origin)
      ? {}
      : {
          'access-control-allow-origin': origin,
          'access-control-expose-headers': 'mcp-session-id',
          vary: 'origin',
        }
  return {
    responseHeaders: allowed,
    preflight: (handshake) => {
      const headers = allowed(handshake)
      if (Object.keys(headers).length === 0) return undefined
      return {
        status: 204,
        headers: {
          ...headers,
          'access-control-allow-methods': 'GET, POST, DELETE',
          'access-control-allow-headers': handshake.headers['access-control-request-headers'] ?? '',
          'access-control-max-age': String(PREFLIGHT_AGE_SECONDS),
        },
      }
    },
  }
}
