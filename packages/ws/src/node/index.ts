// For applications
export { type UpgradeHandlerOptions, upgradeHandler } from './upgrade-handler.js'
export { type WsUpgradeOptions, wsUpgradeDefaults } from './upgrade-options.js'
export { type WsServerOptions, wsServer, wsServerDefaults } from './ws-server.js'
