// For applications
export { CloseFrame } from './close-codes.js'
export { type DeflateOptions, deflateDefaults } from './deflate.js'
export { type WsTlsOptions, wsTlsDefaults } from './tls-options.js'
export { type WsClientOptions, wsClient, wsClientDefaults } from './ws-client.js'
export { type WsOptions, wsDefaults } from './ws-options.js'
