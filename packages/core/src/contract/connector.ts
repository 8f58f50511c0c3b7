import type { JsonRpcMessage } from './message.js'
import type { Flow, MessageContext, Peer, SendOptions } from './transport.js'

/** Where a channel delivers what it hears. Members are bound: spreading is safe. */
export interface Sink {
  /** One message arrived. Messages are delivered in the order of these calls. */
  readonly message: (message: JsonRpcMessage, context?: MessageContext) => void
  /** Something is wrong, but the channel is still usable. */
  readonly error: (error: Error) => void
  /** The conversation is over, for that reason unless it was orderly. The last call a channel makes. */
  readonly end: (reason?: Error) => void
}

/** What a channel over HTTP adds. A stable object with live members: read them when needed, do not copy them. */
export interface HttpTraits {
  readonly sessionId: string | undefined
  /** Whether every request has a stream of its own, so that aborting `requestSignal` cancels it. */
  readonly hasPerRequestStream: boolean
  readonly setProtocolVersion: (version: string) => void
  readonly setSupportedProtocolVersions?: (versions: string[]) => void
}

/** What a child process behind a transport adds. Live members: they change when the process is replaced. */
export interface ProcessTraits {
  /** The child's standard error, where it was asked for as a stream. */
  readonly stderr: unknown
  readonly pid: number | null
}

/** Bytes on the wire so far. Live members, counted by the channel itself. */
export interface Traffic {
  readonly bytesSent: number
  readonly bytesReceived: number
  /** What the sent bytes were before compression, where the channel compresses. */
  readonly uncompressedBytesSent?: number
  /** What the received bytes became after decompression, where the channel decompresses. */
  readonly uncompressedBytesReceived?: number
}

/** One live conversation. Members are bound: spreading is safe. */
export interface Channel {
  readonly peer: Peer
  /** Resolves when the medium took the message; calls are carried out in order. One promise may serve several. */
  readonly send: (message: JsonRpcMessage, options?: SendOptions) => Promise<void>
  /** Ends the conversation and releases everything. Called at most once; must not call `sink.end`. */
  readonly close: (reason?: Error) => Promise<void>
  readonly flow?: Flow
  readonly http?: HttpTraits
  readonly traffic?: Traffic
}

/**
 * Makes channels. Unlike a transport, it may be used again once its channel has ended.
 *
 * `connect` rejects promptly when the signal aborts, having released everything; what it rejects with then
 * does not matter.
 */
export interface Connector {
  readonly connect: (sink: Sink, signal: AbortSignal) => Promise<Channel>
  /** Set where `connect` works only once, so that nobody tries to reconnect. */
  readonly connectsOnce?: boolean
  /** Who it connects to, where that is known beforehand, as it is of a caller at a listener. */
  readonly peer?: Peer
  /** The HTTP session it is in, where that is known beforehand, as it is of a caller at a listener. */
  readonly sessionId?: string
  /** Set where a child process is behind it. */
  readonly process?: ProcessTraits
}

/** Turns one connector into another. */
export type Layer = (next: Connector) => Connector
