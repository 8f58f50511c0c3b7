/** An argument of a tool that travels in a header as well. */
export interface ParamHeader {
  /** The header, by lower-case name. */
  readonly header: string
  /** The keys under `arguments` that lead to the value. */
  readonly path: readonly string[]
  readonly type: 'string' | 'integer' | 'boolean'
}

/** What the input schema of a tool says about headers: which there are, or why what it says is invalid. */
export type ParamHeaders =
  | { readonly isValid: true; readonly headers: readonly ParamHeader[] }
  | { readonly isValid: false; readonly reason: string }

const PARAM_PREFIX = 'mcp-param-'
const ANNOTATION = 'x-mcp-header'
/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** The words of JSON Schema whose value is a schema or an array of them. */
const SCHEMA_WORDS = [
  ...['items', 'prefixItems', 'additionalItems', 'unevaluatedItems', 'contains', 'additionalProperties'],
  ...['unevaluatedProperties', 'propertyNames', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else'],
  'contentSchema',
]
/** The words of JSON Schema, besides `properties`, whose value has schemas by name. */
const MAP_WORDS = ['patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions']

/** The most keys that lead to all arguments of one tool together: far more than headers can carry. */
const MAX_KEYS = 10_000

/**
 * Finds the arguments that an input schema wants in headers (2026-07-28, Streamable HTTP, Schema Extension). One
 * that breaks a constraint makes the whole tool invalid. Looks at every schema inside, however deep and many.
 */
export function paramHeadersOf(inputSchema: unknown): ParamHeaders {
  const headers: ParamHeader[] = []
  const names = new Set<string>()
  // Not by recursion: the schema is somebody else's, and may be deeper than the stack.
  const waiting: Place[] = [{ schema: inputSchema, way: undefined, isReachable: true }]
  let keys = 0
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    if (!isObject(place.schema)) continue
    if (Object.hasOwn(place.schema, ANNOTATION)) {
      const found = annotated(place.schema, place)
      if (typeof found === 'string') return { isValid: false, reason: found }
      if (names.has(found.header))
        return { isValid: false, reason: `two properties want the header ${found.header}` }
      keys += found.path.length
      if (keys > MAX_KEYS) return { isValid: false, reason: `too many have ${ANNOTATION}, or lie too deep` }
      names.add(found.header)
      headers.push(found)
    }
    for (const inner of placesIn(place.schema, place)) waiting.push(inner)
  }
  return { isValid: true, headers }
}

/** What a tool was called with at that place, if anything is there. Members that are inherited do not count. */
export function argumentAt(args: unknown, path: readonly string[]): unknown {
  let value = args
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

/** The text of an argument in a header, or nothing where it has none: absent, null, structured, or no exact number. */
export function paramText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') return undefined
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))
    ? String(value)
    : undefined
}

/** The keys of `properties` that lead to a place, the last one first: most places need no list of their own. */
interface Way {
  readonly key: string
  readonly before: Way | undefined
}

interface Place {
  readonly schema: unknown
  /** Nothing at the root. */
  readonly way: Way | undefined
  /** Whether only `properties` lead here. */
  readonly isReachable: boolean
}

function annotated(schema: Record<string, unknown>, { way, isReachable }: Place): ParamHeader | string {
  const path = pathAlong(way)
  const name = schema[ANNOTATION]
  const { type } = schema
  const where = `${ANNOTATION} at ${path.length === 0 ? 'the root' : JSON.stringify(path.join('.')).slice(0, 80)}`
  if (!isReachable || path.length === 0)
    return `${where}: only properties that properties alone lead to may have one`
  if (typeof name !== 'string' || !TOKEN.test(name)) return `${where}: the name is not one a header can have`
  if (type === 'string' || type === 'integer' || type === 'boolean') {
    return { header: `${PARAM_PREFIX}${name.toLowerCase()}`, path, type }
  }
  return `${where}: only a property of type string, integer or boolean may have one`
}

function pathAlong(way: Way | undefined): string[] {
  const path: string[] = []
  for (let at = way; at; at = at.before) path.push(at.key)
  return path.reverse()
}

function placesIn(schema: Record<string, unknown>, { way, isReachable }: Place): Place[] {
  const places: Place[] = []
  for (const [key, inner] of entriesOf(schema['properties'])) {
    places.push({ schema: inner, way: { key, before: way }, isReachable })
  }
  const add = (inner: unknown): void => {
    places.push({ schema: inner, way, isReachable: false })
  }
  for (const word of SCHEMA_WORDS) {
    const inner = schema[word]
    if (Array.isArray(inner)) inner.forEach(add)
    else if (inner !== undefined) add(inner)
  }
  for (const word of MAP_WORDS) for (const [, inner] of entriesOf(schema[word])) add(inner)
  return places.reverse()
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
