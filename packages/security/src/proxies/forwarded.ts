/** What one proxy says about the request that it received. */
export interface Hop {
  /** The address of the caller of that proxy: an IP address, with a port or without, or `unknown`. */
  readonly for: string | undefined
  readonly proto: string | undefined
  readonly host: string | undefined
}

/** The longest header that is read, in characters. */
const MAX_LENGTH = 4_096
/** The most proxies in a row. */
const MAX_HOPS = 32

const TOKEN = /[!#$%&'*+\-.^_`|~\da-z]+/iy
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"/y
const NAMES: readonly string[] = ['for', 'proto', 'host', 'by']

/**
 * The hops in a `Forwarded` header (RFC 7239, section 4), the first proxy first. `undefined` for a header that does not
 * have this form: part of it could have been written by the caller to shift the rest.
 */
export function parseForwarded(text: string): readonly Hop[] | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const hops: Hop[] = []
  let at = 0
  const skip = (pattern: RegExp): void => {
    while (pattern.test(text[at] ?? '')) at++
  }
  for (;;) {
    const members = new Map<string, string>()
    for (;;) {
      skip(/[\t ]/)
      const name = take(TOKEN)?.toLowerCase()
      if (name === undefined || text[at] !== '=') return undefined
      at++
      const value = take(TOKEN) ?? take(QUOTED)?.replace(/\\(.)/gs, '$1')
      if (value === undefined || members.has(name)) return undefined
      if (NAMES.includes(name)) members.set(name, value)
      skip(/[\t ]/)
      if (text[at] !== ';') break
      at++
    }
    hops.push({ for: members.get('for'), proto: members.get('proto'), host: members.get('host') })
    if (at === text.length) return hops
    if (text[at] !== ',' || hops.length >= MAX_HOPS) return undefined
    at++
  }

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (!match) return undefined
    at = pattern.lastIndex
    return match[1] ?? match[0]
  }
}

/** The items of an `X-Forwarded-*` header. `undefined` for one that is too long, or has an empty item. */
export function parseList(text: string): readonly string[] | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const items = text.split(',').map((item) => item.trim())
  return items.length <= MAX_HOPS && items.every((item) => item !== '') ? items : undefined
}

/** An address and a port of a hop (RFC 7239, section 6). Names of proxies, which begin with `_`, count as `unknown`. */
export function parseNode(text: string): { readonly address: string; readonly port?: number } | undefined {
  const [, ipv6, bare, digits] =
    /^(?:\[([\da-f:.]+)\]|([\d.]+|[\da-f:.]*:[\da-f:.]*:[\da-f:.]*|unknown|_[\w.-]+))(?::(\d{1,5}))?$/i.exec(
      text,
    ) ?? []
  const address = ipv6 ?? bare
  if (address === undefined) return undefined
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > 65_535) return undefined
  const name = address.startsWith('_') ? 'unknown' : address.toLowerCase()
  return { address: name, ...(port !== undefined && { port }) }
}
