/** The JSON-RPC error code of an answer to a request for which there is no room: −31003. */
export const OVERLOADED_CODE = -31_003

/** The JSON-RPC error code by which these packages tell a caller that it is not admitted. */
export const REFUSED_CODE = -31_007

/** The JSON-RPC error code by which these packages tell a peer over a stream of bytes why they end it. */
export const ENDED_CODE = -31_008
