/**
 * For authors of transports, listeners, layers, gates and stores: the seams of the contract, and the pieces that keep
 * it. Applications need `@mcpwire/core` only; what is Node's is in `@mcpwire/core/node`.
 *
 * @packageDocumentation
 */
export {
  backgroundClock,
  createWheelClock,
  type Deadline,
  sleepOn,
  systemRandom,
  type TimeSource,
} from './contract/clock.js'
export type { Channel, Connector, HttpTraits, ProcessTraits, Sink, Traffic } from './contract/connector.js'
export { OVERLOADED_CODE } from './contract/error-codes.js'
export { toError } from './contract/errors.js'
export { isLoopback, requireGate } from './contract/gate.js'
export { faultOfHeader, type HeaderRecord, headersIn, inLowerCase, pairsOf } from './contract/http-headers.js'
export type { Acceptor, AcceptorSink, Binding, Incoming } from './contract/listener.js'
export { isRequestId, parseMessage, toJson } from './contract/message.js'
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
export { createLatencyHistogram, type LatencyHistogram } from './layers/latency-histogram.js'
export { fromFactory, fromTransport } from './layers/layers.js'
export { type AdmissionOptions, type AdmissionOutcome, admit } from './listener/admission.js'
export { concealAuthInfo } from './listener/connection-monitor.js'
export {
  createListener,
  listenerOptions,
  type OptionalListenerOptions,
  listenerDefaults,
} from './listener/create-listener.js'
export { parseRefusal, printable, refusalError, toRefusalMessage } from './listener/refusal.js'
export { encodedOf, rememberEncoded } from './messages/encoded.js'
export { errorAnswer } from './messages/error-answer.js'
export {
  createLineDecoder,
  type LineDecoder,
  type LineDecoderOptions,
  type LineHandlers,
} from './messages/framing.js'
export { overloaded, takesNoMore, tooLargeToAccept, tooLargeToSend } from './messages/message-limits.js'
export {
  createMessageReader,
  JsonRpcMessageReader,
  type MessageReader,
  type MessageReaderOptions,
  previewOf,
} from './messages/message-reader.js'
export { textForPeer } from './messages/text-for-peer.js'
export {
  type CallerStep,
  createMultiplexer,
  type MultiplexedCall,
  type Multiplexer,
  type MultiplexerOptions,
  multiplexerDefaults,
  type SharedStep,
} from './relay/multiplexer.js'
export { type HandshakeReplay, handshakeReplay, type ReplayStep } from './requests/handshake-replay.js'
export { whenAborted } from './timing/when-aborted.js'
export { callbackFailed } from './transport/callback-failed.js'
export {
  type CreateTransportOptions,
  createTransport,
  createTransportDefaults,
  createTransportOptions,
} from './transport/create-transport.js'
export { sentImmediately } from './transport/pending-sends.js'
export {
  boolean,
  callback,
  clock,
  group,
  inRange,
  integer,
  list,
  objectWith,
  oneOf,
  optional,
  rule,
  text,
} from './contract/option-rules.js'
export {
  type OptionDefaults,
  type OptionalRule,
  type OptionRule,
  type OptionRules,
  type OptionSettings,
  type OptionTable,
  options,
} from './contract/option-table.js'
