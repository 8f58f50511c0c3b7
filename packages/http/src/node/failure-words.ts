import { isTransportError } from '@mcpwire/core'
import { tlsMeaningOf } from '@mcpwire/core/node'
import { fetchFailure, withText } from '../engines/failure-words.js'

/** The failure as an error that says what is known, also what a code of TLS means. */
export function inWords(failure: unknown): Error {
  if (isTransportError(failure)) return failure
  const error = fetchFailure(failure)
  const { cause } = error
  const meaning = tlsMeaningOf(error) ?? tlsMeaningOf(cause instanceof TypeError ? cause.cause : cause)
  return meaning === undefined ? withText(error, error) : new Error(meaning, { cause: error })
}
