// For authors of transports on Node
export { bindServer, type ServerBinding, watchTls } from './bind-server.js'
export { type ByteStreamOptions, byteStreamDefaults, byteStreamOptions } from './byte-stream-options.js'
export {
  type CoalescingWriter,
  type CoalescingWriterOptions,
  createCoalescingWriter,
} from './coalescing-writer.js'
export { connectHintOf } from './connect-hints.js'
export { type DuplexChannelOptions, duplexChannel } from './duplex-channel.js'
export type { InboundOptions } from './inbound.js'
export {
  askForHeaders,
  type Preamble,
  type PreambleOptions,
  type PreambleOutcome,
  type PreambleSettings,
  preambleDefaults,
  preambleOptions,
  readPreamble,
  preambleMembers,
  sendPreamble,
} from './preamble.js'
export { inspectTlsBytes } from './inspect-tls-bytes.js'
export type { ByteStreams, StreamLifeOptions } from './stream-life.js'
export { type SocketAcceptorOptions, socketAcceptor } from './socket-acceptor.js'
export { tlsMeaningOf } from './tls-errors.js'
export { tlsFactsOf } from './tls-facts.js'
export { certificateRefusal } from './tls-server.js'
export {
  ALPN_PROTOCOL,
  loadTlsEnd,
  loadTlsServer,
  tlsClientDefaults,
  tlsClientOptions,
  type TlsEnd,
  type TlsServerEnd,
  type TlsServerOptions,
  tlsServerDefaults,
  tlsServerOptions,
} from './tls-options.js'
