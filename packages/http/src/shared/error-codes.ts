// The codes of JSON-RPC, and those that revisions of MCP add. Ours are in core.

export const PARSE_ERROR = -32_700
export const INVALID_REQUEST = -32_600
export const METHOD_NOT_FOUND = -32_601
export const INVALID_PARAMS = -32_602
export const INTERNAL_ERROR = -32_603
/** A header contradicts the body (2026-07-28). */
export const HEADER_MISMATCH = -32_020
/** The client lacks a capability that the request needs (2026-07-28). */
export const CAPABILITY_MISSING = -32_021
/** The revision is none this server keeps to (2026-07-28). */
export const UNSUPPORTED_VERSION = -32_022
