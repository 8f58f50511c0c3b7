/**
 * The API for applications: memory transports, serving, layers, JSON-RPC peers, pipes, gates, errors, and the types of
 * the contract. The packages of the media, such as `@mcpwire/tcp`, add their clients and servers.
 *
 * @packageDocumentation
 */
export type { BudgetAccount, BudgetHolder, ByteBudget } from './contract/byte-budget.js'
export { type Clock, systemClock } from './contract/clock.js'
export type { Compression } from './contract/compression.js'
export type { Layer } from './contract/connector.js'
export {
  type ErrorAdvice,
  type ErrorDetails,
  isTransportError,
  TransportError,
  type TransportErrorCode,
  type TransportErrorDetails,
} from './contract/errors.js'
export type { EventId, EventStore, StreamId } from './contract/event-store.js'
export type { Admission, CallerResolver, Gate, Handshake, Refusal, Verdict } from './contract/gate.js'
export type { HttpHeaders } from './contract/http-headers.js'
export type { HttpResponse, HttpHooks } from './contract/http-hooks.js'
export type { Listener, RefusedCaller } from './contract/listener.js'
export {
  isErrorResponse,
  isNotification,
  isRequest,
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type JsonRpcResultResponse,
  type MessageMeta,
  type MessageParams,
  type ProgressToken,
  type RequestId,
} from './contract/message.js'
export type {
  CapacityRefusal,
  SessionAttempt,
  SessionGrant,
  SessionPolicy,
} from './contract/session-policy.js'
export type {
  TlsBlob,
  TlsClientOptions,
  TlsEndOptions,
  TlsMaterial,
  TlsSource,
  TlsVersion,
} from './contract/tls-source.js'
export type {
  AuthInfo,
  Flow,
  MessageContext,
  Peer,
  SendOptions,
  TlsFacts,
  Transport,
  TransportLike,
  TransportState,
} from './contract/transport.js'
export type { LatencySummary } from './layers/latency-histogram.js'
export { withLayers } from './layers/layers.js'
export {
  type DirectionSnapshot,
  meter,
  type Meter,
  meterDefaults,
  type MeterOptions,
  type MeterSnapshot,
} from './layers/meter.js'
export { tap, type TapCallbacks } from './layers/tap.js'
export { byteBudgetDefaults, type ByteBudgetOptions, createByteBudget } from './listener/byte-budget.js'
export { allOf, allowAll, localOnly } from './listener/gates.js'
export type { ListenerOptions } from './listener/listener-options.js'
export { serve } from './listener/serve.js'
export {
  connections,
  messages,
  messagesDefaults,
  type MessagesOptions,
  type ReceivedMessage,
} from './listener/streams.js'
export {
  memoryClient,
  memoryClientDefaults,
  type MemoryClientOptions,
  memoryListener,
  type MemoryListenerOptions,
} from './memory/memory-listener.js'
export { memoryPair, memoryPairDefaults, type MemoryPairOptions } from './memory/memory.js'
export {
  errorDataOf,
  isJsonRpcError,
  JsonRpcError,
  type JsonRpcErrorData,
} from './messages/json-rpc-error.js'
export { pipe, type Pipe, pipeDefaults, type PipeMissing, type PipeOptions } from './relay/pipe.js'
export type { IncomingCall, RequestHandler } from './requests/incoming-requests.js'
export {
  type NotificationHandler,
  peerDefaults,
  type PeerOptions,
  requestDefaults,
  type RequestOptions,
} from './requests/peer-options.js'
export { type JsonRpcPeer, peer } from './requests/peer.js'
export type { JsonRpcResult } from './requests/pending-requests.js'
