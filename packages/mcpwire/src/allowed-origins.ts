import { type Gate, localOnly } from '@mcpwire/core'

/** What a page may be from: a scheme and a host, with a port where it is not the usual one (RFC 6454, section 6.2). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/i

/** The origin as browsers write it; undefined for a text that is none. */
export function originOf(text: string): string | undefined {
  if (!ORIGIN.test(text) || !URL.canParse(text)) return undefined
  const { origin } = new URL(text)
  // Those of extensions and apps have none by the URL standard, yet are sent.
  return origin === 'null' ? text.toLowerCase() : origin
}

/**
 * Admits callers from any host, but of pages only those of the given origins, of this host and of the place itself:
 * any other page reaches it through the browser of somebody who may not even know of it (MCP, Transports: Security
 * Warning). Who is no browser names no origin. `address` is where it listens.
 */
export function allOrigins(allowed: readonly string[], address: () => string | undefined): Gate {
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
