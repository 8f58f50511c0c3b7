import type { Duplex, Readable, Writable } from 'node:stream'
import type { Channel, Clock, Sink, Traffic } from '../index.js'
import { toJson, tooLargeToSend } from '../index.js'
import { type CoalescingWriter, createCoalescingWriter } from './coalescing-writer.js'
import { createInbound, type Inbound, type InboundOptions } from './inbound.js'
import { StreamLife } from './stream-life.js'

/** A stream in each direction. A `Duplex`, such as a socket, is both. */
export interface ByteStreams {
  readonly readable: Readable
  readonly writable: Writable
}

/** What a channel over streams needs to know. */
export interface DuplexChannelOptions extends InboundOptions {
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
  /** Waited for once the peer has ended its side, before ours is ended: to answer what it still asked for. */
  readonly beforeEnd?: (() => Promise<void>) | undefined
  /** Says in words what an error of the streams means, where the medium knows better than they do. */
  readonly explain?: ((cause: Error) => string | undefined) | undefined
  /**
   * Whether the readable is only paused in the end, not destroyed. For a standard input, whose number would go to
   * the next file that is opened.
   */
  readonly keepsInput?: boolean | undefined
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
  const { readable, writable } = streamsOf(streams)
  const { peer, maxMessageBytes, maxQueuedBytes } = options
  const { address } = peer
  const writer = createCoalescingWriter(writable, { address, maxQueuedBytes })
  const inbound = createInbound(sink, options, (error) => life.over(error))
  const life: StreamLife = new StreamLife({ readable, writable, writer, inbound }, options, (reason) =>
    sink.end(reason),
  )
  readable.on('data', inbound.push)
  // A socket accepted with `pauseOnConnect` does not flow by listening alone.
  readable.resume()
  return {
    peer,
    traffic: new StreamTraffic(writer, inbound),
    send: (message) => {
      const text = toJson(message)
      // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
      if (text.length * 3 > maxMessageBytes) requireSendable(text, maxMessageBytes)
      const { unsendable } = life
      if (unsendable) return Promise.reject(unsendable)
      inbound.sent(message)
      return writer.write(`${text}\n`)
    },
    close: () => life.close(),
    flow: { pause: () => void readable.pause(), resume: () => void readable.resume() },
  }
}

function streamsOf(streams: Duplex | ByteStreams): ByteStreams {
  const { readable, writable } = streams
  if (typeof readable === 'object' && typeof writable === 'object') return { readable, writable }
  return { readable: streams as Duplex, writable: streams as Duplex }
}

// A class, as one is there for each connection: an object with accessors of its own costs a hidden class each.
class StreamTraffic implements Traffic {
  readonly #writer: CoalescingWriter
  readonly #inbound: Inbound

  constructor(writer: CoalescingWriter, inbound: Inbound) {
    this.#writer = writer
    this.#inbound = inbound
  }

  get bytesSent(): number {
    return this.#writer.bytesWritten
  }

  get bytesReceived(): number {
    return this.#inbound.bytesReceived
  }
}

function requireSendable(text: string, maxMessageBytes: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxMessageBytes) throw tooLargeToSend(bytes, maxMessageBytes)
}
