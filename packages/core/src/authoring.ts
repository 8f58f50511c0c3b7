/**
 * The API for authors of transports, listeners, layers, gates and stores. It has the interfaces of the contract and the
 * parts that implement it. Applications use `@mcpwire/core`; the Node parts are in `@mcpwire/core/node`.
 *
 * @packageDocumentation
 */
export {
  backgroundClock,
  type CancelTimer,
  createWheelClock,
  type Deadline,
  sleepOn,
  systemRandom,
  type TimeSource,
} from './contract/clock.js'
export type { Channel, Connector, HttpTraits, ProcessTraits, Sink, Traffic } from './contract/connector.js'
export { toError } from './contract/errors.js'
export {
  invalidHeaderReason,
  type HeaderRecord,
  parseHeaders,
  normalizeHeaders,
  headerEntries,
} from './contract/http-headers.js'
export type { Acceptor, AcceptorSink, Binding, Incoming } from './contract/listener.js'
export { isRequestId, parseMessage, toJson } from './contract/message.js'
export type { ProxyHeader, ProxyProtocol } from './contract/proxy-protocol.js'
export { invalidOption, optionError, rejectOption } from './contract/options.js'
export { createLatencyHistogram, type LatencyHistogram } from './layers/latency-histogram.js'
export { fromFactory, fromTransport } from './layers/layers.js'
export { type AdmissionOptions, type AdmissionOutcome, admit } from './listener/admission.js'
export { concealAuthInfo } from './listener/connection-monitor.js'
export { createListener } from './listener/create-listener.js'
export {
  listenerDefaults,
  listenerOptions,
  type OptionalListenerOptions,
} from './listener/listener-options.js'
export { askGate, asksForMessages, type MessageCaller, type MessageGate } from './listener/message-gate.js'
export {
  parseRefusal,
  printable,
  refusalError,
  toRefusalMessage,
  toRefusalResponse,
} from './listener/refusal.js'
export { refusedCaller } from './listener/refused-callers.js'
export { requestIdIn } from './messages/correction.js'
export { cancelledBy, namesRevision } from './messages/era.js'
export { toErrorResponse, toOwnErrorResponse, textForPeer } from './messages/error-responses.js'
export {
  createLineDecoder,
  type LineDecoder,
  type LineDecoderOptions,
  type LineHandlers,
} from './messages/framing.js'
export { SmallIdMap } from './messages/small-id-map.js'
export { overloaded, notWritable, tooLargeToAccept, tooLargeToSend } from './messages/message-limits.js'
export { heldBytesOf } from './messages/message-size.js'
export {
  createMessageReader,
  encodedOf,
  JsonRpcMessageReader,
  MAX_UNSOLICITED_IN_A_ROW,
  type MessageReader,
  type MessageReaderOptions,
  previewOf,
} from './messages/message-reader.js'
export { FairQueue } from './relay/fair-queue.js'
export {
  type CallerStep,
  createMultiplexer,
  type MultiplexedCall,
  type Multiplexer,
  type MultiplexerOptions,
  multiplexerDefaults,
  type UpstreamStep,
} from './relay/multiplexer.js'
export { Burst } from './timing/burst.js'
export {
  attempt,
  type Deferred,
  deferred,
  guarded,
  ignore,
  isThenable,
  onAbort,
  unlessAborted,
} from './timing/promises.js'
export { checkRefusal, checkVerdict, isRefusal, requireGate } from './contract/gate.js'
export { isLoopback } from './listener/gates.js'
export { type AdmissionEnd, AdmissionTimer } from './listener/admission-timer.js'
export {
  CANCELLED_METHOD,
  DISCOVER_METHOD,
  INITIALIZE_METHOD,
  INITIALIZED_METHOD,
  LISTEN_METHOD,
  OVERLOADED_CODE,
  PROGRESS_METHOD,
  SUBSCRIPTION_KEY,
} from './contract/protocol.js'
export { callbackFailed, closedError } from './transport/transport-errors.js'
export {
  type CreateTransportOptions,
  createTransportDefaults,
  createTransportOptions,
} from './transport/transport-options.js'
export { createTransport } from './transport/create-transport.js'
export { sentImmediately } from './transport/pending-sends.js'
export {
  boolean,
  callback,
  callbacks,
  clock,
  group,
  inRange,
  integer,
  list,
  matching,
  objectWith,
  oneOf,
  optional,
  rule,
  text,
} from './contract/option-rules.js'
export {
  defaultsOf,
  type OptionDefaults,
  type OptionalRule,
  type OptionRule,
  type OptionRules,
  type OptionSettings,
  type OptionTable,
  options,
} from './contract/option-table.js'
