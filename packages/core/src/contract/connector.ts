import type { JsonRpcMessage } from './message.js'
import type { Flow, MessageContext, Peer, SendOptions } from './transport.js'

/** The receiver of a channel's messages, errors and end. Members are bound: spreading is safe. */
export interface Sink {
  /** One message arrived. Messages are delivered in the order of these calls. */
  readonly message: (message: JsonRpcMessage, context?: MessageContext) => void
  /** An error occurred. The channel is still usable. */
  readonly error: (error: Error) => void
  /** The conversation has ended, for that reason unless the end was orderly. The last call of a channel. */
  readonly end: (reason?: Error) => void
}

/** The HTTP part of a channel. A stable object with live members: read them when needed, do not copy them. */
export interface HttpTraits {
  readonly sessionId: string | undefined
  /** Whether each request has a stream of its own, so that aborting `requestSignal` cancels it. */
  readonly hasPerRequestStream: boolean
  /**
   * The failure of the first request. It is the reason of a `close()` without one: over HTTP, a conversation fails to
   * open after its channel exists.
   */
  readonly failure?: Error | undefined
  readonly setProtocolVersion: (version: string) => void
  readonly setSupportedProtocolVersions?: (versions: string[]) => void
}

/** The child process of a transport. Live members: they change when the process is replaced. */
export interface ProcessTraits {
  /** The standard error of the child, where it is a stream. */
  readonly stderr: unknown
  readonly pid: number | null
}

/** The bytes on the wire so far. Live members, counted by the channel. */
export interface Traffic {
  readonly bytesSent: number
  readonly bytesReceived: number
  /** The sent bytes before compression, where the channel compresses. */
  readonly uncompressedBytesSent?: number
  /** The received bytes after decompression, where the channel decompresses. */
  readonly uncompressedBytesReceived?: number
}

/** One open conversation. Members are bound: spreading is safe. */
export interface Channel {
  readonly peer: Peer
  /** Resolves when the medium has accepted the message. Messages keep their order. One promise may serve several. */
  readonly send: (message: JsonRpcMessage, options?: SendOptions) => Promise<void>
  /** Ends the conversation and releases everything. Called at most once; must not call `sink.end`. */
  readonly close: (reason?: Error) => Promise<void>
  readonly flow?: Flow
  readonly http?: HttpTraits
  readonly traffic?: Traffic
}

/**
 * Makes channels. Unlike a transport, it can connect again after its channel has ended.
 *
 * When the signal aborts, `connect` releases everything and rejects promptly, with any reason.
 */
export interface Connector {
  readonly connect: (sink: Sink, signal: AbortSignal) => Promise<Channel>
  /** Whether `connect` works only once, so that a reconnect is not possible. */
  readonly connectsOnce?: boolean
  /** The peer, where it is known before `connect`, such as the client of a listener. */
  readonly peer?: Peer
  /** The HTTP session id, where it is known before `connect`, such as that of a listener's client. */
  readonly sessionId?: string
  /** The child process, where there is one. */
  readonly process?: ProcessTraits
}

/** Makes a connector around another one. */
export type Layer = (next: Connector) => Connector
