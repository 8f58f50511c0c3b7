import { isResponse, type JsonRpcMessage, type JsonRpcRequest } from '@mcpwire/core'
import {
  type HeaderFault,
  type HeaderOf,
  standardFault,
  versionFault,
  versionMissing,
} from '../../headers/header-faults.js'
import { VERSION_HEADER, VERSION_KEY } from '../../headers/standard-headers.js'
import { HEADER_MISMATCH, INVALID_PARAMS, UNSUPPORTED_VERSION } from '../../shared/error-codes.js'
import type { HttpFailure } from '../request/http-errors.js'
import { invalid, isInitialize } from '../request/posted-messages.js'
import { isSessionless } from '../request/revisions.js'
import { SESSION_HEADER } from '../request/session-id.js'

/** The revisions without sessions that the endpoint keeps to. */
export const modernRevisions: readonly string[] = ['2026-07-28']

const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'

/**
 * Whether what was posted belongs to the era without sessions: it names its revision in the body, or, outside of any
 * session, in the header alone, which makes it one that is refused.
 */
export function isModern(message: JsonRpcMessage, headerOf: HeaderOf): boolean {
  if (claimsRevision(message)) return true
  if (isInitialize(message)) return false
  return headerOf(SESSION_HEADER) === undefined && namesModernRevision(headerOf)
}

/** Whether the version header names a revision without sessions. */
export function namesModernRevision(headerOf: HeaderOf): boolean {
  const version = headerOf(VERSION_HEADER)
  return version !== undefined && isSessionless(version)
}

/**
 * Why a request of this era cannot be served, if it cannot, by the first rule it breaks: the version header is there,
 * the required metadata is, they agree, the revision is one of ours, and `Mcp-Method` and `Mcp-Name` mirror the body.
 */
export function failureOf(request: JsonRpcRequest, headerOf: HeaderOf): HttpFailure | undefined {
  const { id, params } = request
  const missing = versionMissing(headerOf)
  if (missing) return mismatch(request, missing)
  const meta = params?._meta
  const requested = meta?.[VERSION_KEY]
  if (typeof requested !== 'string') return withoutMeta(request, VERSION_KEY)
  const capabilities = meta?.[CAPABILITIES_KEY]
  if (typeof capabilities !== 'object' || capabilities === null) return withoutMeta(request, CAPABILITIES_KEY)
  const different = versionFault(request, headerOf)
  if (different) return mismatch(request, different)
  if (!modernRevisions.includes(requested)) {
    const data = { supported: modernRevisions, requested }
    return { status: 400, code: UNSUPPORTED_VERSION, message: 'Unsupported protocol version', data, id }
  }
  const fault = standardFault(request, headerOf)
  return fault && mismatch(request, fault)
}

/** Why something other than a request cannot be accepted, if it cannot. */
export function refusalOf(message: JsonRpcMessage): HttpFailure | undefined {
  return isResponse(message) ? invalid(400, 'a response, and this revision has none from clients') : undefined
}

/** A header that contradicts the body, as what the caller gets. */
export function mismatch({ id }: JsonRpcRequest, { header, message }: HeaderFault): HttpFailure {
  return { status: 400, code: HEADER_MISMATCH, message: `Header mismatch: ${message}`, data: { header }, id }
}

/** Whether the message says of itself which revision it keeps to. */
export function claimsRevision(message: JsonRpcMessage): boolean {
  if (!('method' in message)) return false
  const meta: unknown = message.params?._meta
  return typeof meta === 'object' && meta !== null && Object.hasOwn(meta, VERSION_KEY)
}

function withoutMeta({ id }: JsonRpcRequest, key: string): HttpFailure {
  const message = `Invalid params: _meta has no valid "${key}"`
  return { status: 400, code: INVALID_PARAMS, message, id }
}
