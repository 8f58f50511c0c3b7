// For applications: the client
export type { StreamState } from './client/standalone-stream.js'
export type { Fetch } from './engine-settings.js'
export type { HttpAuth, HttpAuthContext } from './http-auth.js'
export { httpClient } from './http-client.js'
export {
  type HttpClientOptions,
  type HttpReconnectOptions,
  httpClientDefaults,
  httpReconnectDefaults,
} from './http-client-options.js'
export { type HttpTlsOptions, httpTlsDefaults } from './tls-options.js'

// For applications: the servers
export {
  type HttpHandler,
  type HttpHandlerOptions,
  httpHandler,
  httpHandlerDefaults,
} from './http-handler.js'
export type { HttpListener } from './http-listener.js'
export type { NotifyOptions } from './modern/listen-feed.js'
export {
  type HttpEndpointOptions,
  type HttpSseOptions,
  httpEndpointDefaults,
} from './server/endpoint-options.js'
export type { HttpFetchInfo } from './server/web-exchange.js'
export {
  type MemoryEventStoreOptions,
  memoryEventStore,
  memoryEventStoreDefaults,
} from './memory-event-store.js'
