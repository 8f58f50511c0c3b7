import { list, rejectOption, text } from '@mcpwire/core/authoring'

const strings = list(text())

/** Returns a copy of the list. Throws `INVALID_OPTION` unless it has strings, at least one. */
export function requireList(option: string, value: readonly string[]): readonly string[] {
  strings.check(option, value)
  if (value.length === 0) rejectOption(option, 'a list with at least one entry')
  return [...value]
}
