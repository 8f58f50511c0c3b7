import type { JsonRpcRequest } from '@mcpwire/core'
import {
  type HeaderFault,
  type HeaderOf,
  standardFault,
  versionFault,
  versionMissing,
} from '../../headers/header-faults.js'
import { VERSION_KEY } from '../../headers/standard-headers.js'
import { HEADER_MISMATCH, INVALID_PARAMS, UNSUPPORTED_VERSION } from '../../shared/error-codes.js'
import type { HttpFailure } from '../request/http-errors.js'
import { statelessRevisions } from '../request/revisions.js'

const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'

/**
 * The first rule of 2026-07-28 that a request breaks, as a failure: the version header and the required metadata
 * are present and agree, the revision is supported, and `Mcp-Method` and `Mcp-Name` mirror the body.
 */
export function checkRequest(request: JsonRpcRequest, headerOf: HeaderOf): HttpFailure | undefined {
  const { id, params } = request
  const missing = versionMissing(headerOf)
  if (missing) return headerMismatch(request, missing)
  const meta = params?._meta
  const requested = meta?.[VERSION_KEY]
  if (typeof requested !== 'string') return withoutMeta(request, VERSION_KEY)
  const capabilities = meta?.[CAPABILITIES_KEY]
  if (typeof capabilities !== 'object' || capabilities === null) return withoutMeta(request, CAPABILITIES_KEY)
  const different = versionFault(request, headerOf)
  if (different) return headerMismatch(request, different)
  if (!statelessRevisions.includes(requested)) {
    const data = { supported: statelessRevisions, requested }
    return { status: 400, code: UNSUPPORTED_VERSION, message: 'Unsupported protocol version', data, id }
  }
  const fault = standardFault(request, headerOf)
  return fault && headerMismatch(request, fault)
}

/** The failure for a header that contradicts the body. */
export function headerMismatch({ id }: JsonRpcRequest, { header, message }: HeaderFault): HttpFailure {
  return { status: 400, code: HEADER_MISMATCH, message: `Header mismatch: ${message}`, data: { header }, id }
}

function withoutMeta({ id }: JsonRpcRequest, key: string): HttpFailure {
  const message = `Invalid params: _meta has no valid "${key}"`
  return { status: 400, code: INVALID_PARAMS, message, id }
}
