import { type Gate, localOnly } from '@mcpwire/core'

/** An origin: a scheme and a host, with a port unless it is the default port (RFC 6454, section 6.2). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/i

/** The origin as browsers write it; `undefined` if the text is no origin. */
export function originOf(text: string): string | undefined {
  if (!ORIGIN.test(text) || !URL.canParse(text)) return undefined
  const { origin } = new URL(text)
  // The URL standard defines no origin for extensions and apps, yet browsers send one.
  return origin === 'null' ? text.toLowerCase() : origin
}

/**
 * Admits clients on any host. Of pages, admits only those of the given origins, of this host and of the listener: any
 * other page would connect through the browser of its reader (MCP, Transports: Security Warning). Programs send no
 * origin. `address` is the address of the listener.
 *
 * @example
 * ```ts
 * const gate = allowOrigins(['https://app.example'], () => listener.address)
 * ```
 */
export function allowOrigins(allowed: readonly string[], address: () => string | undefined): Gate {
  const local = localOnly()
  return {
    admit({ medium, headers }, signal) {
      const { origin } = headers
      if (origin === undefined || allowed.includes(origin) || origin === originAt(address()))
        return { admit: true }
      return local.admit({ medium, remote: {}, headers: { origin } }, signal)
    },
  }
}

function originAt(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined
  const { protocol, host } = new URL(address)
  return originOf(`${protocol.replace(/^ws/, 'http')}//${host}`)
}
