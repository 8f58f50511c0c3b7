/** The method of the request that opens a session (until 2025-11-25). */
export const INITIALIZE_METHOD = 'initialize'
/** The method of the notification that ends the handshake of a session. */
export const INITIALIZED_METHOD = 'notifications/initialized'
/** The method of the notification that cancels a request. */
export const CANCELLED_METHOD = 'notifications/cancelled'
/** The method of the notification that reports the progress of a request. */
export const PROGRESS_METHOD = 'notifications/progress'
/** The method of the request that checks whether the other side responds. */
export const PING_METHOD = 'ping'
/** The method of the request for the capabilities of a server (since 2026-07-28). */
export const DISCOVER_METHOD = 'server/discover'
/** The method of the request that stays open for notifications of changes (since 2026-07-28, Subscriptions). */
export const LISTEN_METHOD = 'subscriptions/listen'

/** The key of `_meta` with the revision of a request (since 2026-07-28). */
export const REVISION_KEY = 'io.modelcontextprotocol/protocolVersion'
/** The key of `_meta` with the id of the `subscriptions/listen` request that a message belongs to (2026-07-28). */
export const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId'

/** The JSON-RPC error code for a text that is no JSON. */
export const PARSE_ERROR_CODE = -32_700
/** The JSON-RPC error code for a request that is not valid. */
export const INVALID_REQUEST_CODE = -32_600
/** The JSON-RPC error code for a method without a handler. */
export const METHOD_NOT_FOUND_CODE = -32_601
/** The JSON-RPC error code for a failure of the side that handles the request. */
export const INTERNAL_ERROR_CODE = -32_603
/** The JSON-RPC error code of these packages for a request that exceeds a limit: −31003. */
export const OVERLOADED_CODE = -31_003
/** The JSON-RPC error code of these packages for a caller that is not admitted: −31007. */
export const REFUSED_CODE = -31_007
/** The JSON-RPC error code of these packages for the reason why a byte stream ends: −31008. */
export const ENDED_CODE = -31_008
