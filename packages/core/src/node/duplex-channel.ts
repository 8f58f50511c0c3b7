import type { Duplex } from 'node:stream'
import type { Channel, Sink } from '../authoring.js'
import type { Peer } from '../index.js'
import { type ByteStreams, StreamLife, type StreamLifeOptions } from './stream-life.js'

/** What a channel over streams needs to know. */
export interface DuplexChannelOptions extends StreamLifeOptions {
  readonly peer: Peer
}

/**
 * A channel over a stream of bytes: one message a line, as the stdio transport of MCP frames them and as the
 * revision of 2026-07-28 asks of other byte streams. Takes both streams over and destroys them in the end.
 */
export function duplexChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: DuplexChannelOptions,
): Channel {
  return sharingChannel(streams, sink, options, options.peer)
}

/** The same for one of many, which share their options. */
export function sharingChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: StreamLifeOptions,
  peer: Peer,
): Channel {
  const life = new StreamLife(streamsOf(streams), sink, options, peer)
  return {
    peer,
    traffic: life,
    flow: life,
    send: (message) => life.send(message),
    close: (reason) => life.close(reason),
  }
}

function streamsOf(streams: Duplex | ByteStreams): ByteStreams {
  const { readable, writable } = streams
  if (typeof readable === 'object' && typeof writable === 'object') return { readable, writable }
  return { readable: streams as Duplex, writable: streams as Duplex }
}
