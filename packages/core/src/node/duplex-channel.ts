import type { Duplex } from 'node:stream'
import type { Channel, Sink } from '../authoring.js'
import type { Peer } from '../index.js'
import { DuplexConnection } from './duplex-connection.js'
import type { ByteStreams, DuplexChannelOptions, SharedChannelOptions } from './duplex-options.js'

/**
 * Creates a channel over a byte stream. A message is one line, as in the stdio transport of MCP and as 2026-07-28
 * requires for other byte streams. Takes over both streams and destroys them at the end.
 *
 * @example
 * ```ts
 * createTransport({
 *   connect: async (sink, signal) => duplexChannel(await open(signal), sink, { ...byteStreamDefaults, peer }),
 * })
 * ```
 */
export function duplexChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: DuplexChannelOptions,
): Channel {
  return createDuplexChannel(streams, sink, options, options.peer)
}

/** The same for a listener, whose connections share one object of options. */
export function createDuplexChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: SharedChannelOptions,
  peer: Peer,
): Channel {
  const connection = new DuplexConnection(streamsOf(streams), sink, options, peer)
  return {
    peer,
    traffic: connection,
    flow: connection,
    send: (message) => connection.send(message),
    close: (reason) => connection.close(reason),
  }
}

function streamsOf(streams: Duplex | ByteStreams): ByteStreams {
  const { readable, writable } = streams
  if (typeof readable === 'object' && typeof writable === 'object') return { readable, writable }
  return { readable: streams as Duplex, writable: streams as Duplex }
}
