// For authors of transports on Node
export {
  type CoalescingWriter,
  type CoalescingWriterOptions,
  createCoalescingWriter,
} from './coalescing-writer.js'
export {
  type ByteStreamOptions,
  type ByteStreams,
  byteStreamDefaults,
  type DuplexChannelOptions,
  duplexChannel,
} from './duplex-channel.js'
export { type SocketAcceptorOptions, socketAcceptor } from './socket-acceptor.js'
