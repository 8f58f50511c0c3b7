// For applications
export { type ListenerOptions, listenerDefaults } from './listener/create-listener.js'
export { type CreateTransportOptions, createTransportDefaults } from './transport/create-transport.js'
export { encodedOf } from './messages/encoded.js'
export {
  isTransportError,
  TransportError,
  type TransportErrorCode,
  type TransportErrorDetails,
} from './contract/errors.js'
export { allOf } from './listener/all-of.js'
export {
  type Admission,
  allowAll,
  type Gate,
  type Handshake,
  localOnly,
  type Refusal,
  type Verdict,
} from './contract/gate.js'
export type { IncomingCall, RequestHandler } from './requests/incoming-requests.js'
export { isJsonRpcError, JsonRpcError } from './messages/json-rpc-error.js'
export type { LatencySummary } from './layers/latency-histogram.js'
export { fromFactory, fromTransport, withLayers } from './layers/layers.js'
export type { Listener } from './contract/listener.js'
export { type MemoryPairOptions, memoryPair, memoryPairDefaults } from './memory/memory.js'
export {
  type MemoryClientOptions,
  type MemoryListenerOptions,
  memoryClient,
  memoryClientDefaults,
  memoryListener,
} from './memory/memory-listener.js'
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
export {
  type DirectionSnapshot,
  type Meter,
  type MeterOptions,
  type MeterSnapshot,
  meter,
  meterDefaults,
} from './layers/meter.js'
export { type JsonRpcPeer, peer } from './requests/peer.js'
export {
  type NotificationHandler,
  type PeerOptions,
  peerDefaults,
  type RequestOptions,
  requestDefaults,
} from './requests/peer-options.js'
export type { JsonRpcResult } from './requests/pending-requests.js'
export { type Pipe, type PipeMissing, type PipeOptions, pipe, pipeDefaults } from './relay/pipe.js'
export { serve } from './listener/serve.js'
export {
  connections,
  type MessagesOptions,
  messages,
  messagesDefaults,
  type ReceivedMessage,
} from './listener/streams.js'
export { type TapCallbacks, tap } from './layers/tap.js'
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

// For authors of transports, layers, gates and stores
export { type AdmissionOutcome, admit, type AdmissionOptions } from './listener/admission.js'
export { whenAborted } from './timing/when-aborted.js'
export {
  backgroundClock,
  type Clock,
  createWheelClock,
  type Deadline,
  sleepOn,
  systemClock,
  systemRandom,
  type TimeSource,
} from './contract/clock.js'
export { callbackFailed } from './transport/callback-failed.js'
export type { Compression } from './contract/compression.js'
export type {
  Channel,
  Connector,
  HttpTraits,
  Layer,
  ProcessTraits,
  Sink,
  Traffic,
} from './contract/connector.js'
export { createListener, knownListenerOptions } from './listener/create-listener.js'
export { createTransport } from './transport/create-transport.js'
export { rememberEncoded } from './messages/encoded.js'
export { errorAnswer } from './messages/error-answer.js'
export { OVERLOADED_CODE } from './contract/error-codes.js'
export { toError } from './contract/errors.js'
export type { EventId, EventStore, StreamId } from './contract/event-store.js'
export {
  createLineDecoder,
  type LineDecoder,
  type LineDecoderOptions,
  type LineHandlers,
} from './messages/framing.js'
export { isLoopback, requireGate } from './contract/gate.js'
export { type HandshakeReplay, handshakeReplay, type ReplayStep } from './requests/handshake-replay.js'
export {
  faultOfHeader,
  type HeaderRecord,
  type HttpHeaders,
  headersIn,
  inLowerCase,
  pairsOf,
} from './contract/http-headers.js'
export type { HttpAnswer, HttpHooks } from './contract/http-hooks.js'
export {
  createMessageReader,
  type MessageReader,
  type MessageReaderOptions,
  JsonRpcMessageReader,
  previewOf,
} from './messages/message-reader.js'
export { createLatencyHistogram, type LatencyHistogram } from './layers/latency-histogram.js'
export type { Acceptor, Binding, AcceptorSink, Incoming } from './contract/listener.js'
export { isRequestId, parseMessage, toJson } from './contract/message.js'
export {
  type CallerStep,
  createMultiplexer,
  type MultiplexedCall,
  type Multiplexer,
  type MultiplexerOptions,
  multiplexerDefaults,
  type SharedStep,
} from './relay/multiplexer.js'
export {
  invalidOption,
  type KnownOptions,
  type Resolved,
  rejectOption,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  requireText,
  resolveOptions,
} from './contract/options.js'
export { sentImmediately } from './transport/pending-sends.js'
export { printable, refusalError, parseRefusal, toRefusalMessage } from './listener/refusal.js'
export { textForPeer } from './messages/text-for-peer.js'
export { overloaded, takesNoMore, tooLargeToAccept, tooLargeToSend } from './messages/message-limits.js'
export type { SessionGrant, SessionPolicy } from './contract/session-policy.js'
export { concealAuthInfo } from './listener/connection-monitor.js'
export type { TlsBlob, TlsMaterial, TlsSource } from './contract/tls-source.js'
