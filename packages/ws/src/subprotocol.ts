/** The subprotocol of MCP. */
export const SUBPROTOCOL = 'mcp'

/** Prefix of a subprotocol that contains a token, for clients that cannot send headers. */
const TOKEN_PREFIX = 'mcp.bearer.'

/** A token as a subprotocol, in base64url: subprotocols are tokens of HTTP (RFC 6455, section 4.1). */
export function tokenSubprotocol(token: string): string {
  const bytes = new TextEncoder().encode(token)
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return TOKEN_PREFIX + base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Whether a subprotocol contains a token. */
export function isTokenSubprotocol(name: string): boolean {
  return name.startsWith(TOKEN_PREFIX)
}

/** The token among offered subprotocols. `undefined` without one, or with an invalid encoding. */
export function tokenIn(offered: readonly string[]): string | undefined {
  const encoded = offered.find(isTokenSubprotocol)?.slice(TOKEN_PREFIX.length)
  if (encoded === undefined) return undefined
  try {
    const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'))
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)))
  } catch {
    return undefined
  }
}
