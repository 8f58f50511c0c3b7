import { toError } from '@mcpwire/core'

/** The failure of a `fetch` as an error that says what is known: several platforms put it behind "fetch failed". */
export function fetchFailure(failure: unknown): Error {
  const error = toError(failure)
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error
  return withText(error.cause, error)
}

/** The error, with what made it as its cause; several addresses of one name that all failed have a code and no text. */
export function withText(known: Error, cause: Error): Error {
  if (known === cause && known.message !== '') return known
  const { code = known.name } = known as { code?: string }
  return new Error(known.message === '' ? code : known.message, { cause })
}
