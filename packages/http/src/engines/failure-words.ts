import { toError } from '@mcpwire/core/authoring'

/** What a `fetch` failed of: several platforms put it behind "fetch failed". */
export function reasonOf(failure: unknown): Error {
  const error = toError(failure)
  return error instanceof TypeError && error.cause instanceof Error ? error.cause : error
}

/** The failure of a `fetch` as an error that says what is known, in the words of `meaning` where it has some. */
export function inPlainWords(failure: unknown, meaning?: string | undefined): Error {
  const reason = reasonOf(failure)
  if (meaning === undefined && reason === failure && reason.message !== '') return reason
  // Several addresses of one name that all failed have a code and no text.
  const { code = reason.name, message } = reason as { code?: string; message: string }
  return new Error(meaning ?? (message === '' ? code : message), { cause: failure })
}
