import { invalidOption } from '@mcpwire/core/authoring'
import { type HostPattern, parseHost, parseHostPattern } from './host-pattern.js'

/** A pattern for the alternative names of certificates. */
export type NamePattern = HostPattern | { readonly exact: string }

const NEEDED = 'a DNS name such as "agent.example" or "*.agents.example", or "URI:…" or "email:…"'

/** A type of names other than DNS names. Their values are compared as they are. */
const EXACT = /^(?:URI|email):./s

/** The pattern in an option. Throws `INVALID_OPTION`. */
export function parseNamePattern(option: string, text: string): NamePattern {
  if (EXACT.test(text)) return { exact: text }
  const pattern = parseHostPattern(option, text.replace(/^DNS:/, ''), text, NEEDED)
  if (pattern.port !== undefined || pattern.name.startsWith('[')) invalidOption(option, text, NEEDED)
  return pattern
}

/** Whether an alternative name, such as `DNS:agent.example`, fits a pattern. */
export function matchesAlternativeName(pattern: NamePattern, altName: string): boolean {
  const name = unquoted(altName)
  if (name === undefined) return false
  if ('exact' in pattern) return name === pattern.exact
  // A name of a certificate that is itself a wildcard is no name of one client.
  const host = name.startsWith('DNS:') ? parseHost(name.slice('DNS:'.length))?.name : undefined
  if (host === undefined) return false
  if (!pattern.isWildcard) return host === pattern.name
  // One label, as for servers (RFC 9525, section 6.3).
  return host.slice(host.indexOf('.')) === `.${pattern.name}`
}

/** The value of an alternative name, without its type. */
export function valueOfName(altName: string): string {
  const name = unquoted(altName) ?? altName
  return name.slice(name.indexOf(':') + 1)
}

/** Node quotes values with separators as JSON. */
function unquoted(altName: string): string | undefined {
  const [, type = '', quoted] = /^([^:]+:)(".*")$/s.exec(altName) ?? []
  if (quoted === undefined) return altName
  try {
    return `${type}${JSON.parse(quoted)}`
  } catch {
    return undefined
  }
}
