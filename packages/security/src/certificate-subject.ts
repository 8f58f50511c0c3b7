/** A character, or one that is escaped. */
const UNIT = /\\(?:[\da-f]{2}|[^\da-f])|[^\\]/gis

/** A type, such as `CN` or a dotted number, and the value. */
const ATTRIBUTE = /^\s*([a-z][a-z\d-]*|\d+(?:\.\d+)*)\s*=(.*)$/is

/**
 * The subject of a certificate in a form that can be compared: each attribute with its type and value, whatever the order.
 * `undefined` for a text that is no subject (RFC 4514, section 3).
 */
export function normalizeSubject(text: string): string | undefined {
  const names = split(text, ',').map((name) => split(name, '+').map(parseAttribute))
  if (names.some((name) => name.includes(undefined))) return undefined
  return JSON.stringify(names.map((name) => JSON.stringify(name.sort())).sort())
}

/** The parts between separators that are not escaped. */
function split(text: string, separator: string): string[] {
  const parts = ['']
  for (const [unit] of text.matchAll(UNIT)) {
    if (unit === separator) parts.push('')
    else parts.push(parts.pop() + unit)
  }
  return parts
}

function parseAttribute(text: string): string | undefined {
  const [, type, value = ''] = ATTRIBUTE.exec(text) ?? []
  const trimmed = value.replace(/^\s+/, '').replace(/(?<!\s)(?<!\\)\s+$|(?<=\\\s)\s+$/, '')
  if (type === undefined || trimmed === '') return undefined
  // Types have no case, values are compared as they are.
  return JSON.stringify([type.toUpperCase(), trimmed.replace(/\\([\da-f]{2}|.)/gis, unescaped)])
}

function unescaped(_all: string, escaped: string): string {
  return escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped
}
