/** Headers by name, or as pairs of name and value, such as a `Headers` object or a `Map`. */
export type HttpHeaders = HeaderRecord | Iterable<readonly [name: string, value: string]>

/** Headers by name. */
export type HeaderRecord = Readonly<Record<string, string>>

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** The longest part of a header name in an error, in characters. */
const MAX_NAME_SHOWN = 64

const NEEDED = 'headers by name or as pairs'

/** The headers by lower-case name, or the text of the fault, which continues "must be". */
export function parseHeaders(value: unknown): HeaderRecord | string {
  if (typeof value !== 'object' || value === null) return NEEDED
  const pairs: (readonly [string, string])[] = []
  for (const pair of headerEntries(value as HttpHeaders)) {
    if (!Array.isArray(pair)) return NEEDED
    const reason = invalidHeaderReason(pair[0], pair[1])
    if (reason !== undefined) return `${NEEDED}; ${reason}`
    pairs.push(pair as readonly [string, string])
  }
  return normalizeHeaders(pairs)
}

/** The reason why HTTP cannot carry the header, without its value; `undefined` for a valid header. */
export function invalidHeaderReason(name: unknown, value: unknown): string | undefined {
  const isName = typeof name === 'string' && HEADER_NAME.test(name)
  if (isName && typeof value === 'string' && HEADER_VALUE.test(value)) return undefined
  const shown = JSON.stringify(String(name).slice(0, MAX_NAME_SHOWN))
  if (!isName) return `${shown} is no header name`
  return `the value of ${shown} ${typeof value === 'string' ? 'has invalid characters' : 'is no string'}`
}

/** The headers as pairs of name and value. */
export function headerEntries(headers: HttpHeaders): Iterable<readonly [string, string]> {
  return Symbol.iterator in headers
    ? (headers as Iterable<readonly [string, string]>)
    : Object.entries(headers)
}

/** The headers by lower-case name. Values of the same name are joined with commas (RFC 9110, section 5.3). */
export function normalizeHeaders(headers: HttpHeaders): HeaderRecord {
  const joined = new Map<string, string>()
  for (const [name, value] of headerEntries(headers)) {
    const key = name.toLowerCase()
    const before = joined.get(key)
    joined.set(key, before === undefined ? value : `${before}, ${value}`)
  }
  return Object.fromEntries(joined)
}
