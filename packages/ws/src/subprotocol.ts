/** The subprotocol that says a WebSocket carries MCP. */
export const SUBPROTOCOL = 'mcp'

/** What a token is offered behind, by clients that cannot send headers. */
const TOKEN_PREFIX = 'mcp.bearer.'

/** A token as a subprotocol: base64url, since subprotocols are tokens of HTTP (RFC 6455, section 4.1). */
export function tokenSubprotocol(token: string): string {
  const bytes = new TextEncoder().encode(token)
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return TOKEN_PREFIX + base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Whether what a client offers is a token in disguise. */
export function isTokenSubprotocol(name: string): boolean {
  return name.startsWith(TOKEN_PREFIX)
}

/** The token among the subprotocols a client offers, if one is. */
export function tokenAmong(offered: readonly string[]): string | undefined {
  const encoded = offered.find(isTokenSubprotocol)?.slice(TOKEN_PREFIX.length)
  if (encoded === undefined) return undefined
  try {
    const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'))
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)))
  } catch {
    return undefined
  }
}
