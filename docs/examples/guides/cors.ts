//#region cors
import type { Gate, Handshake, HttpHeaders, HttpHooks } from '@mcpwire/core'

const exposed = 'mcp-session-id, www-authenticate, retry-after'

/** Lets pages of these origins use the server, and no other pages. */
export function pagesOf(origins: readonly string[]): { gate: Gate; hooks: HttpHooks } {
  const isAllowed = ({ headers }: Handshake): boolean => origins.includes(headers['origin'] ?? '')
  return {
    gate: {
      admit: (handshake) =>
        isAllowed(handshake)
          ? { admit: true }
          : { admit: false, status: 403, reason: 'this Origin is not allowed' },
    },
    hooks: {
      preflight: (handshake) =>
        isAllowed(handshake)
          ? {
              status: 204,
              headers: {
                'access-control-allow-methods': 'GET, POST, DELETE',
                'access-control-allow-headers': handshake.headers['access-control-request-headers'] ?? '',
                'access-control-max-age': '600',
              },
            }
          : undefined,
      responseHeaders: (handshake): HttpHeaders =>
        isAllowed(handshake)
          ? {
              'access-control-allow-origin': handshake.headers['origin'] ?? '',
              'access-control-expose-headers': exposed,
              vary: 'origin',
            }
          : {},
    },
  }
}
//#endregion
