import { invalidOption, list, type OptionRule, rule, text } from '@mcpwire/core/authoring'

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** A URL of a server that decides about tokens: https, or http on this host. */
export function secureUrl(): OptionRule<string | URL, undefined> {
  return rule((option, value) => {
    const isText = typeof value === 'string' || value instanceof URL
    const url = isText && URL.canParse(String(value)) ? new URL(String(value)) : undefined
    const isSecure =
      url && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname)))
    // The error must not show a password.
    if (!isSecure || url.username !== '' || url.password !== '')
      invalidOption(
        option,
        isText ? '(a URL)' : value,
        'an https URL without a user (http on this host only)',
      )
  })
}

/** A text, or a list of texts. */
export function oneOrMoreTexts(): OptionRule<string | readonly string[], undefined> {
  return rule((option, value) => {
    const all: unknown[] = Array.isArray(value) ? value : [value]
    if (all.length === 0 || !all.every((each) => typeof each === 'string' && each !== ''))
      invalidOption(option, value, 'a text, or a list of texts that is not empty')
  })
}

/** A list of texts, with a default. */
export function texts(defaultValue: readonly string[]): OptionRule<readonly string[], readonly string[]> {
  return { ...list<string>(text()), defaultValue }
}

/** The value as a list. */
export function listOf(given: string | readonly string[]): readonly string[] {
  return typeof given === 'string' ? [given] : given
}
