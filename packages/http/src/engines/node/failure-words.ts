import { isTransportError } from '@mcpwire/core'
import { describeTlsError } from '@mcpwire/core/node'
import { inPlainWords, reasonOf } from '../failure-words.js'

/** The failure as an error that says what is known, also what a code of TLS means. */
export function inWords(failure: unknown): Error {
  return isTransportError(failure)
    ? failure
    : inPlainWords(failure, describeTlsError(reasonOf(failure))?.reason)
}
