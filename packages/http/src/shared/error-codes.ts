// The codes of JSON-RPC and MCP. Those of mcpwire are in core.

export const PARSE_ERROR = -32_700
export const INVALID_REQUEST = -32_600
export const METHOD_NOT_FOUND = -32_601
export const INVALID_PARAMS = -32_602
export const INTERNAL_ERROR = -32_603
/** A header contradicts the body (2026-07-28). */
export const HEADER_MISMATCH = -32_020
/** The client lacks a capability that the request requires (2026-07-28). */
export const CAPABILITY_MISSING = -32_021
/** The server does not support the revision (2026-07-28). */
export const UNSUPPORTED_VERSION = -32_022
