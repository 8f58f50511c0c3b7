import type { JsonRpcMessage } from '@mcpwire/core'
import { toJson, tooLargeToSend } from '@mcpwire/core/authoring'
import { INTERNAL_ERROR } from '../../shared/error-codes.js'
import { utf8Length } from '../../shared/utf8-length.js'

/** A message on its way out, with its text. */
export interface Outgoing {
  readonly message: JsonRpcMessage
  readonly json: string
}

/** What is told to who waits for a response that cannot be sent. */
export const unsendable: { readonly code: number; readonly message: string } = {
  code: INTERNAL_ERROR,
  message: 'the response could not be sent',
}

/** The JSON text of a message. Throws `MESSAGE_TOO_LARGE` where it is over the limit, and `SEND_FAILED` where there is none. */
export function jsonWithin(message: JsonRpcMessage, maxMessageBytes: number): string {
  const json = toJson(message)
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (json.length * 3 <= maxMessageBytes) return json
  const bytes = utf8Length(json)
  if (bytes > maxMessageBytes) throw tooLargeToSend(bytes, maxMessageBytes)
  return json
}
