// For applications
export { CloseFrame } from './close-codes.js'
export { type WsClientOptions, wsClient, wsClientDefaults } from './ws-client.js'
export { type DeflateOptions, deflateDefaults, type WsOptions, wsDefaults } from './ws-options.js'
