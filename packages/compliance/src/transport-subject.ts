import type { Clock, Transport } from '@mcpwire/core'
import type { ClauseId } from './clauses.js'

/** One end of a pair: `near` is the client's, `far` the server's. */
export type Side = 'near' | 'far'

/** Options for both ends of a pair. Pass them to the factories unchanged. */
export interface PairOptions {
  readonly maxMessageBytes?: number
  readonly maxQueuedBytes?: number
  readonly closeTimeoutMs?: number
  readonly clock?: Clock
}

/** Two idle transports that connect to each other when both start, and hooks for the medium. */
export interface TransportPair {
  readonly near: Transport
  /** A promise if the far end is only created after `near.start()` was called. */
  readonly far: Transport | Promise<Transport>
  /** Releases further resources of the pair. Called once both ends are closed. */
  readonly cleanup?: () => void | Promise<void>
  /**
   * Sends the messages that the medium needs before it carries messages in both directions, such as `initialize` over
   * HTTP. Called when `near` is open. Starts `far`, and leaves both ends open with their slots unset.
   */
  readonly initialize?: (protocolVersion: string) => Promise<void>
  /** Sends a text to this end, framed as a message of the medium. */
  readonly sendRaw?: (to: Side, text: string) => void | Promise<void>
  /** As `sendRaw`, for bytes that may be invalid UTF-8. */
  readonly sendRawBytes?: (to: Side, bytes: Uint8Array) => void | Promise<void>
  /** Sends the start of a message to this end without its end. */
  readonly sendUnfinished?: (to: Side, start: string) => void | Promise<void>
  /**
   * Whether an end closes when its input does not start with `{` or `[`, as over sockets. The suite then sends a message
   * before its malformed ones.
   */
  readonly checksStart?: boolean
  /** Breaks the connection without an orderly close. */
  readonly cut?: () => void | Promise<void>
  /** Stops this end from reading. The returned function resumes it. */
  readonly stall?: (side: Side) => () => void
}

/** One transport without its other end. */
export interface LoneTransport {
  readonly transport: Transport
  readonly cleanup?: () => void | Promise<void>
}

/** Differences between media that the contract allows. */
export interface TransportCapabilities {
  /** Whether open transports have `flow`. */
  readonly backpressure?: boolean
  /** Ends that malformed input never closes, because the medium also carries stray output. */
  readonly toleratesStrayOutput?: readonly Side[]
}

/** The names in exemptions besides clauses. The first group are hooks that are missing, the second are abilities. */
export type Ability =
  | 'sendRaw'
  | 'sendRawBytes'
  | 'sendUnfinished'
  | 'cut'
  | 'stall'
  | 'create'
  | 'unreachable'
  | 'hangsUpDuringStart'
  | 'neverConnects'
  /** Sends keep their order without an `await` between them. */
  | 'concurrentOrder'
  /** The far end may send at any time, not only in response to the near end. */
  | 'farInitiates'
  /** The far end can start before the near end, and its messages are kept. */
  | 'farStartsFirst'
  /** The length of a message has a limit. */
  | 'maxMessageBytes'
  /** An orderly close of the far end is an orderly end of the near end. */
  | 'farEndIsOrderly'
  /** A broken connection has a reason, unlike an orderly end. */
  | 'cutHasReason'
  /** Messages are sent as JSON text, so that a message without JSON text is rejected. */
  | 'encodesText'
  /** Limits count bytes of UTF-8. */
  | 'countsBytes'
  /** The error response to a malformed request is a message to the other end. */
  | 'answersMalformed'
  /** The send queue has a limit. */
  | 'maxQueuedBytes'

/** The subject of the transport suite. */
export interface TransportSubject {
  readonly capabilities?: TransportCapabilities
  /** Clauses and abilities that do not apply to this medium, with the reason. Their tests are skipped. */
  readonly exempt?: Readonly<Partial<Record<ClauseId | Ability, string>>>
  /** Creates a new pair. */
  readonly pair: (options: PairOptions) => TransportPair | Promise<TransportPair>
  /** Calls the client factory with valid options, overridden by these. */
  readonly create?: (overlay: Readonly<Record<string, unknown>>) => Transport
  /** Options for `create` that must be rejected. Default: invalid values of the common options. */
  readonly badOptions?: readonly Readonly<Record<string, unknown>>[]
  /** Creates a transport whose `start()` fails because nothing listens. */
  readonly unreachable?: (options: PairOptions) => LoneTransport | Promise<LoneTransport>
  /** Creates a transport whose peer disconnects before `start()` can succeed. */
  readonly hangsUpDuringStart?: (options: PairOptions) => LoneTransport | Promise<LoneTransport>
  /** Creates a transport whose peer never answers. Its `start()` is pending until an abort, or its deadline by `clock`. */
  readonly neverConnects?: (options: PairOptions) => LoneTransport | Promise<LoneTransport>
  /** The longest time for an expected event, in milliseconds. Default: 20 000. */
  readonly graceMs?: number
}
