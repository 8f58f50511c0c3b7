export {
  type HttpServerListener,
  type HttpServerOptions,
  httpServer,
  httpServerDefaults,
} from '../hosts/node/http-server.js'
export { type HttpRequestHandler, requestHandler } from '../hosts/node/request-handler.js'
