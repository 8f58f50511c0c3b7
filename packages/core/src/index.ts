// For applications
export { type ListenerOptions, listenerDefaults } from './create-listener.js'
export { type CreateTransportOptions, createTransportDefaults } from './create-transport.js'
export { encodedOf } from './encoded.js'
export {
  isTransportError,
  TransportError,
  type TransportErrorCode,
  type TransportErrorDetails,
} from './errors.js'
export { allOf } from './all-of.js'
export {
  type Admission,
  allowAll,
  type Gate,
  type Handshake,
  localOnly,
  type Refusal,
  type Verdict,
} from './gate.js'
export type { IncomingCall, RequestHandler } from './incoming-requests.js'
export { isJsonRpcError, JsonRpcError } from './json-rpc-error.js'
export type { LatencySummary } from './latency-histogram.js'
export { fromFactory, fromTransport, withLayers } from './layers.js'
export type { Listener } from './listener.js'
export { type MemoryPairOptions, memoryPair, memoryPairDefaults } from './memory.js'
export {
  type MemoryClientOptions,
  type MemoryListenerOptions,
  memoryClient,
  memoryClientDefaults,
  memoryListener,
} from './memory-listener.js'
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
} from './message.js'
export {
  type DirectionSnapshot,
  type Meter,
  type MeterOptions,
  type MeterSnapshot,
  meter,
  meterDefaults,
} from './meter.js'
export { type JsonRpcPeer, peer } from './peer.js'
export {
  type NotificationHandler,
  type PeerOptions,
  peerDefaults,
  type RequestOptions,
  requestDefaults,
} from './peer-options.js'
export type { JsonRpcResult } from './pending-requests.js'
export { type Pipe, type PipeMissing, type PipeOptions, pipe, pipeDefaults } from './pipe.js'
export { serve } from './serve.js'
export {
  connections,
  type MessagesOptions,
  messages,
  messagesDefaults,
  type ReceivedMessage,
} from './streams.js'
export { type TapCallbacks, tap } from './tap.js'
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
} from './transport.js'

// For authors of transports, layers, gates and stores
export { type AdmissionOutcome, admit, type Doorkeepers } from './admission.js'
export { whenAborted } from './when-aborted.js'
export {
  backgroundClock,
  type Clock,
  createWheelClock,
  type Deadline,
  sleepOn,
  systemClock,
  systemRandom,
  type TimeSource,
} from './clock.js'
export { callbackFailed } from './callback-failed.js'
export type { Compression } from './compression.js'
export type { Channel, Connector, HttpTraits, Layer, ProcessTraits, Sink, Traffic } from './connector.js'
export { createListener, knownListenerOptions } from './create-listener.js'
export { createTransport } from './create-transport.js'
export { rememberEncoded } from './encoded.js'
export { errorAnswer } from './error-answer.js'
export { OVERLOADED_CODE } from './error-codes.js'
export { toError } from './errors.js'
export type { EventId, EventStore, StreamId } from './event-store.js'
export { createLineDecoder, type LineDecoder, type LineDecoderOptions, type LineHandlers } from './framing.js'
export { isLoopback, requireGate } from './gate.js'
export { type HandshakeReplay, handshakeReplay, type ReplayStep } from './handshake-replay.js'
export {
  faultOfHeader,
  type HeaderRecord,
  type HttpHeaders,
  headersIn,
  inLowerCase,
  pairsOf,
} from './http-headers.js'
export type { HttpAnswer, HttpHooks } from './http-hooks.js'
export { createIntake, type Intake, type IntakeOptions, JsonRpcIntake, previewOf } from './intake.js'
export { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.js'
export type { Acceptor, Binding, Door, Incoming } from './listener.js'
export { isRequestId, parseMessage, toJson } from './message.js'
export {
  type CallerStep,
  createMultiplexer,
  type MultiplexedCall,
  type Multiplexer,
  type MultiplexerOptions,
  multiplexerDefaults,
  type SharedStep,
} from './multiplexer.js'
export {
  invalidOption,
  type KnownOptions,
  type Resolved,
  refuseUnseen,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  requireText,
  resolveOptions,
} from './options.js'
export { takenAtOnce } from './pending-sends.js'
export { printable, refusalError, refusalIn, refusalMessage } from './refusal.js'
export { textForPeer } from './text-for-peer.js'
export { overloaded, takesNoMore, tooLargeToAccept, tooLargeToSend } from './message-limits.js'
export type { SessionGrant, SessionPolicy } from './session-policy.js'
export { concealAuthInfo } from './supervision.js'
export type { TlsBlob, TlsMaterial, TlsSource } from './tls-source.js'
