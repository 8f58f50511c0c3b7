// For applications: the client
export type { HttpAuth, HttpAuthContext } from './client/call/authorization.js'
export type { StreamState } from './client/get-stream.js'
export { httpClient } from './client/http-client.js'
export {
  type HttpClientOptions,
  type HttpReconnectOptions,
  httpClientDefaults,
  httpReconnectDefaults,
} from './client/http-client-options.js'
export {
  oauth,
  type OAuthCallback,
  type OAuthFlow,
  type OAuthProvider,
  type OAuthRequest,
  type OAuthTokens,
} from './client/oauth.js'
export type { Fetch } from './engines/engine.js'

// For applications: the servers
export {
  type HttpHandler,
  type HttpHandlerOptions,
  httpHandler,
  httpHandlerDefaults,
} from './hosts/http-handler.js'
export type { HttpListener } from './server/endpoint.js'
export type { NotifyOptions } from './server/stateless/listen-feed.js'
export {
  type HttpEndpointOptions,
  type HttpSseOptions,
  httpEndpointDefaults,
} from './server/request/endpoint-options.js'
export type { HttpFetchInfo } from './hosts/web-exchange.js'
export {
  type MemoryEventStoreOptions,
  memoryEventStore,
  memoryEventStoreDefaults,
} from './server/responses/memory-event-store.js'
