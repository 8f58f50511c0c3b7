import type { Readable, Writable } from 'node:stream'
import type { ByteBudget, Clock, ErrorAdvice, Peer } from '../index.js'
import type { InboundOptions } from './inbound.js'
import type { MessageDeadlines } from './message-deadlines.js'
import type { ErrorDescription } from './system-errors.js'

/** One stream for each direction. A `Duplex`, such as a socket, is both. */
export interface ByteStreams {
  readonly readable: Readable
  readonly writable: Writable
}

/** Options that the channels of one factory share. */
export interface SharedChannelOptions extends InboundOptions {
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
  /** The budget that unfinished input and queued output count in. Without it, only the limits of the connection apply. */
  readonly budget?: ByteBudget | undefined
  /** Ends connections whose message does not complete in time. All connections of a listener share it. */
  readonly messageDeadlines?: MessageDeadlines | undefined
  /** Silence before the request `ping` is sent, in milliseconds, while a message is in flight. None without it. */
  readonly pingIntervalMs?: number | undefined
  /**
   * Delays the end of this side after the peer has ended its own, so that pending responses are sent first. It gets the
   * error of a stream that ended in the middle of a message.
   */
  readonly beforeEnd?: ((cutOff: Error | undefined) => Promise<void> | undefined) | undefined
  /** Describes an error of the streams. Its message is used where this returns nothing. */
  readonly describeError?: ((cause: Error) => ErrorDescription | undefined) | undefined
  /** Advice for the error of a peer that closes the connection without a response to a request. */
  readonly emptyResponseAdvice?: ErrorAdvice | undefined
  /**
   * Whether the readable is paused at the end instead of destroyed. For standard input, whose descriptor number would
   * be reused by the next opened file.
   */
  readonly keepInputOpen?: boolean | undefined
  /** Whether a failed write ends the connection. Otherwise messages are delivered for `closeTimeoutMs` more. */
  readonly endOnWriteError?: boolean | undefined
}

/** Options of one channel. */
export interface DuplexChannelOptions extends SharedChannelOptions {
  readonly peer: Peer
}
