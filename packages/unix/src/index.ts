// For applications
export { type UnixClientOptions, unixClient, unixClientDefaults } from './unix-client.js'
export { type UnixServerOptions, unixServer, unixServerDefaults } from './unix-server.js'
