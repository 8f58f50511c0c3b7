/**
 * For authors of transports and listeners on Node: channels over byte streams, socket clients and servers, TLS, and
 * Unix socket files. A transport over a stream needs `duplexChannel`; one over sockets also `dialSocket`,
 * `connectSocket` and `socketAcceptor`. `@mcpwire/tcp` and `@mcpwire/unix` are built of nothing else.
 *
 * @packageDocumentation
 */
export { bindServer, type ServerBinding } from './bind-server.js'
export {
  type ByteStreamOptions,
  byteStreamDefaults,
  byteStreamOptions,
  type SocketServerOptions,
  type SocketStreamOptions,
  socketServerOptions,
  socketStreamOptions,
} from './byte-stream-options.js'
export {
  type CoalescingWriter,
  type CoalescingWriterOptions,
  createCoalescingWriter,
} from './coalescing-writer.js'
export { connectSocket, type DialOptions, dialSocket } from './dial-socket.js'
export { duplexChannel } from './duplex-channel.js'
export type { ByteStreams, DuplexChannelOptions, SharedChannelOptions } from './duplex-options.js'
export { HTTP_REFUSAL } from './file-descriptors.js'
export {
  type ForeignStart,
  type InspectStart,
  inspectClientStart,
  inspectServerStart,
  type StartVerdict,
} from './first-bytes.js'
export type { InboundOptions } from './inbound.js'
export {
  createMessageDeadlines,
  type DeadlineOwner,
  type MessageDeadlines,
} from './message-deadlines.js'
export {
  type AccountOwner,
  ConnectionAccounts,
  type HeldDirection,
} from './connection-accounts.js'
export { leaveTurns, TurnShare } from './turn-share.js'
export type { Preamble, PreambleOptions } from './preamble.js'
export { type PreambleSettings, preambleDefaults, preambleOptions } from './read-preamble.js'
export { clientPreambleOptions } from './send-preamble.js'
export { type SocketAcceptorOptions, socketAcceptor } from './socket-acceptor.js'
export { describeSocketConnectError, type SocketBindingOptions, socketBinding } from './socket-file.js'
export { parseSocketPath, type SocketPath } from './socket-path.js'
export { type AddressOptions, codeOf, connectAdvice, type ErrorDescription } from './system-errors.js'
export { loadTlsEnd, tlsClientDefaults, tlsClientOptions } from './tls-client-options.js'
export { ALPN_PROTOCOL, type TlsEnd } from './tls-options.js'
export { describeTlsError, tlsFactsOf } from './tls-peer.js'
export {
  loadTlsServer,
  type TlsServerEnd,
  type TlsServerOptions,
  tlsServerDefaults,
  tlsServerOptions,
} from './tls-server-options.js'
export { certificateRefusal, watchTls } from './tls-server.js'
