/** An argument of a tool that a header mirrors. */
export interface ParamHeader {
  /** The header, by lower-case name. */
  readonly header: string
  /** The keys under `arguments` that lead to the value. */
  readonly path: readonly string[]
  readonly type: 'string' | 'integer' | 'boolean'
}

/** The mirrored arguments of an input schema, or why its annotations are invalid. */
export type ParamHeaders =
  | { readonly isValid: true; readonly headers: readonly ParamHeader[] }
  | { readonly isValid: false; readonly reason: string }

const PARAM_PREFIX = 'mcp-param-'
const ANNOTATION = 'x-mcp-header'
/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** The keywords of JSON Schema whose value is a schema or an array of schemas. */
const SCHEMA_KEYWORDS = [
  ...['items', 'prefixItems', 'additionalItems', 'unevaluatedItems', 'contains', 'additionalProperties'],
  ...['unevaluatedProperties', 'propertyNames', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else'],
  'contentSchema',
]
/** The keywords of JSON Schema, besides `properties`, whose value contains schemas by name. */
const MAP_KEYWORDS = ['patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions']

/** The most keys in the paths of one tool in all: far more than headers can carry. */
const MAX_KEYS = 10_000

/**
 * Finds the annotated arguments of an input schema (2026-07-28, Streamable HTTP, Schema Extension). One that breaks a
 * constraint makes the whole tool invalid. Inspects every nested schema, without a limit on depth or number.
 */
export function paramHeadersOf(inputSchema: unknown): ParamHeaders {
  const headers: ParamHeader[] = []
  const names = new Set<string>()
  // Without recursion: the schema of a peer may be deeper than the stack.
  const waiting: Place[] = [{ schema: inputSchema, link: undefined, isReachable: true }]
  let keys = 0
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    if (!isObject(place.schema)) continue
    if (Object.hasOwn(place.schema, ANNOTATION)) {
      const found = annotated(place.schema, place)
      if (typeof found === 'string') return { isValid: false, reason: found }
      if (names.has(found.header))
        return { isValid: false, reason: `two properties name the header ${found.header}` }
      keys += found.path.length
      if (keys > MAX_KEYS)
        return {
          isValid: false,
          reason: `too many properties have ${ANNOTATION}, or they are nested too deep`,
        }
      names.add(found.header)
      headers.push(found)
    }
    for (const inner of placesIn(place.schema, place)) waiting.push(inner)
  }
  return { isValid: true, headers }
}

/** The argument at that path, if there is one. Inherited members do not count. */
export function argumentAt(args: unknown, path: readonly string[]): unknown {
  let value = args
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

/** The text of an argument in a header; `undefined` for an absent, null or structured one, or an inexact number. */
export function paramText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') return undefined
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))
    ? String(value)
    : undefined
}

/** The keys of `properties` on the path to a place, the last one first: most places need no list of their own. */
interface PathLink {
  readonly key: string
  readonly before: PathLink | undefined
}

interface Place {
  readonly schema: unknown
  /** `undefined` at the root. */
  readonly link: PathLink | undefined
  /** Whether only `properties` lead here. */
  readonly isReachable: boolean
}

function annotated(schema: Record<string, unknown>, { link, isReachable }: Place): ParamHeader | string {
  const path = pathOf(link)
  const name = schema[ANNOTATION]
  const { type } = schema
  const where = `${ANNOTATION} at ${path.length === 0 ? 'the root' : JSON.stringify(path.join('.')).slice(0, 80)}`
  if (!isReachable || path.length === 0)
    return `${where}: only a property that is reached through properties alone may have one`
  if (typeof name !== 'string' || !TOKEN.test(name)) return `${where}: the name is not valid in a header`
  if (type === 'string' || type === 'integer' || type === 'boolean') {
    return { header: `${PARAM_PREFIX}${name.toLowerCase()}`, path, type }
  }
  return `${where}: only a property of type string, integer or boolean may have one`
}

function pathOf(link: PathLink | undefined): string[] {
  const path: string[] = []
  for (let at = link; at; at = at.before) path.push(at.key)
  return path.reverse()
}

function placesIn(schema: Record<string, unknown>, { link, isReachable }: Place): Place[] {
  const places: Place[] = []
  for (const [key, inner] of entriesOf(schema['properties'])) {
    places.push({ schema: inner, link: { key, before: link }, isReachable })
  }
  const add = (inner: unknown): void => {
    places.push({ schema: inner, link, isReachable: false })
  }
  for (const keyword of SCHEMA_KEYWORDS) {
    const inner = schema[keyword]
    if (Array.isArray(inner)) inner.forEach(add)
    else if (inner !== undefined) add(inner)
  }
  for (const keyword of MAP_KEYWORDS) for (const [, inner] of entriesOf(schema[keyword])) add(inner)
  return places.reverse()
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
