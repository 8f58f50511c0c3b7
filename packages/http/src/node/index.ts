export { type HttpServerOptions, httpServer, httpServerDefaults } from './http-server.js'
export { type HttpRequestHandler, requestHandler } from './request-handler.js'
