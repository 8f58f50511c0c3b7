import type { RequestId } from '../contract/message.js'
import { type INVALID_REQUEST_CODE, PARSE_ERROR_CODE } from '../contract/protocol.js'
import { type Envelope, envelopeIn } from './envelope.js'
import type { JsonRpcErrorData } from './json-rpc-error.js'
import type { SentRequests } from './sent-requests.js'

/** What a malformed message causes besides its report. */
export type Correction =
  /** This pending request ends with an error. */
  | { readonly kind: 'settle'; readonly id: RequestId }
  /** The sender gets an error response, with `null` where JSON-RPC demands it. */
  | { readonly kind: 'answer'; readonly id: RequestId | null }
  | { readonly kind: 'skip' }

const SKIP: Correction = { kind: 'skip' }

/**
 * The correction for a malformed message (clause C10).
 *
 * - A message with the id of a pending request is its response, unless it looks like a request.
 * - A message with a `method` and an id is a request; so is one with an id and nothing else. A text that could not be
 *   read to its end may be one, too.
 * - Everything else gets no response: a notification, a response to no request, and anything that is no message.
 */
export function correctionFor(envelope: Envelope | undefined, sent: SentRequests | undefined): Correction {
  if (!envelope) return SKIP
  const { id, hasMethod, hasOutcome, isComplete } = envelope
  if (id !== undefined && id !== null && (hasOutcome || !hasMethod)) {
    const pending = sent?.match(id)
    if (pending !== undefined) return { kind: 'settle', id: pending }
  }
  if (hasOutcome && !hasMethod) return SKIP
  if (id !== undefined) return { kind: 'answer', id }
  return hasMethod && !isComplete ? { kind: 'answer', id: null } : SKIP
}

/** Whether the message may be output of another kind, such as a line of a log in JSON. */
export function mayBeStray(envelope: Envelope | undefined): boolean {
  if (!envelope) return true
  const { hasMethod, hasOutcome, hasVersion, hasOthers } = envelope
  return !hasVersion && (hasOthers || !(hasMethod || hasOutcome))
}

/** The JSON text of an error response to a malformed request. */
export function answerText(
  id: RequestId | null,
  code: typeof INVALID_REQUEST_CODE | typeof PARSE_ERROR_CODE,
  reason: string,
  data: JsonRpcErrorData,
): string {
  const what = code === PARSE_ERROR_CODE ? 'Parse error' : 'Invalid request'
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: `${what}: ${reason}`, data } })
}

/** The id of a request in a text that is no JSON; `undefined` where it is not certain. */
export function requestIdIn(text: string): RequestId | undefined {
  const envelope = envelopeIn(text)
  return envelope && !envelope.hasOutcome ? (envelope.id ?? undefined) : undefined
}
