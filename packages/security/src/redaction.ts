import { toError } from '@mcpwire/core/authoring'

/** The longest chain of causes that is kept. */
const MAX_CAUSES = 5

const PLACE = '[redacted]'

/** The least length of a secret, in characters. A shorter text can be part of any word. */
const MIN_SECRET_LENGTH = 8

/**
 * The error of another party without a secret that it may contain: a new error with the name, the message, the code, the
 * stack and the causes. Other members are left out, since libraries put whole requests there.
 */
export function withoutSecret(thrown: unknown, secret: string, depth = 0): Error {
  const given = toError(thrown)
  const hide = (text: string): string => hideSecret(text, secret)
  const cause =
    given.cause === undefined || depth >= MAX_CAUSES
      ? {}
      : { cause: withoutSecret(given.cause, secret, depth + 1) }
  const error = new Error(hide(given.message), cause)
  const { code } = given as { readonly code?: unknown }
  Object.defineProperty(error, 'name', { value: hide(given.name), configurable: true, writable: true })
  if (given.stack !== undefined) error.stack = hide(given.stack)
  return typeof code === 'string' ? Object.assign(error, { code: hide(code) }) : error
}

/** The text without the secret. */
export function hideSecret(text: string, secret: string): string {
  return secret.length < MIN_SECRET_LENGTH ? text : text.replaceAll(secret, PLACE)
}
