/** Headers by name, or as pairs of name and value, such as a `Headers` of the platform or a `Map`. */
export type WsHeaders = HeaderRecord | Iterable<readonly [name: string, value: string]>

/** Headers by name. */
export type HeaderRecord = Readonly<Record<string, string>>

/** The headers by lower-case name, or nothing where the value is none. Several of one name are one. */
export function headersIn(value: unknown): HeaderRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const joined = new Map<string, string>()
  for (const pair of Symbol.iterator in value ? (value as Iterable<unknown>) : Object.entries(value)) {
    const [name, each]: readonly unknown[] = Array.isArray(pair) ? pair : []
    if (typeof name !== 'string' || typeof each !== 'string') return undefined
    const key = name.toLowerCase()
    const before = joined.get(key)
    joined.set(key, before === undefined ? each : `${before}, ${each}`)
  }
  return Object.fromEntries(joined)
}
