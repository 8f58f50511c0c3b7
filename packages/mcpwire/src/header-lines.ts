import { readFileSync } from 'node:fs'
import { toError } from '@mcpwire/core/authoring'
import { UsageError } from './program.js'

/** A name and a value (RFC 9110, section 5): a token, and visible characters with blanks between them. */
const HEADER =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*$/

/**
 * Adds the headers of one `--header`: `Name: value`, or `@file` with one header per line, which keeps a secret out of
 * the process list. Errors do not show the value.
 */
export function headerLines(given: string, before: Record<string, string> = {}): Record<string, string> {
  const lines = given.startsWith('@') ? linesOf(given.slice(1)) : [given]
  const headers = Object.assign(Object.create(null) as Record<string, string>, before)
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? []
    if (name === undefined || value === undefined)
      throw new UsageError('--header must be "Name: value", or @file with one header per line')
    headers[name.toLowerCase()] = value
  }
  return headers
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  } catch (error) {
    throw new UsageError(`--header @${path}: cannot read the file: ${toError(error).message}`)
  }
}
