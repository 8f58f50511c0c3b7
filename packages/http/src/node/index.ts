export { type HttpServerOptions, httpServer, httpServerDefaults } from './http-server.js'
