import type { Clock, Transport } from '@mcpwire/core'
import type { ClauseId } from './clauses.js'

/** One end of a pair: `near` is the client's, `far` the server's. */
export type Side = 'near' | 'far'

/** Options the suite wants on both ends of a pair. Pass them on to the factories as they are. */
export interface PairOptions {
  readonly maxMessageBytes?: number
  readonly maxQueuedBytes?: number
  readonly closeTimeoutMs?: number
  readonly clock?: Clock
}

/** Two idle transports that are connected to each other once both are started, and what can be done to the medium. */
export interface TransportPair {
  readonly near: Transport
  /** A promise where the far end comes into being only after `near.start()` was called. */
  readonly far: Transport | Promise<Transport>
  /** Releases what the pair needed besides its ends. Called once both have been closed. */
  readonly cleanup?: () => void | Promise<void>
  /**
   * Says what has to be said before the medium carries messages both ways, such as `initialize` over HTTP. Called
   * when `near` is open. Starts `far`, and leaves both ends open with their slots free.
   */
  readonly initialize?: (protocolVersion: string) => Promise<void>
  /** Puts one piece of text on the wire towards that end, framed as the medium frames a message. */
  readonly sendRaw?: (to: Side, piece: string) => void | Promise<void>
  /** As `sendRaw`, for bytes that need not be text. */
  readonly sendRawBytes?: (to: Side, piece: Uint8Array) => void | Promise<void>
  /** Puts the start of a piece on the wire towards that end, and never its end. */
  readonly sendUnfinished?: (to: Side, start: string) => void | Promise<void>
  /** Breaks the connection without a farewell. */
  readonly cut?: () => void | Promise<void>
  /** Makes that end stop reading from the wire; the answer makes it read again. */
  readonly stall?: (side: Side) => () => void
}

/** One transport for one purpose. */
export interface LoneTransport {
  readonly transport: Transport
  readonly cleanup?: () => void | Promise<void>
}

/** What a medium does differently, without breaking the contract. */
export interface TransportCapabilities {
  /** Whether open transports have `flow`. */
  readonly backpressure?: boolean
  /** Ends that are never closed for malformed input, because the medium carries foreign output too. */
  readonly toleratesStrayOutput?: readonly Side[]
}

/**
 * What an exemption can name besides a clause. The first group are functions the author did not provide, the
 * second are facts the suite otherwise takes for granted.
 */
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
  /** Order holds between sends that are not awaited one by one. */
  | 'concurrentOrder'
  /** The far end may send at any time, not only in answer to the near one. */
  | 'farInitiates'
  /** The far end can be started before the near one, and its messages wait. */
  | 'farStartsFirst'
  /** There is a limit on the length of a message. */
  | 'maxMessageBytes'
  /** That the far end closed in order is no failure to the near one. */
  | 'farEndIsOrderly'
  /** A cut is told from an orderly end. */
  | 'cutHasReason'
  /** Messages cross as JSON text, so that one without is refused. */
  | 'encodesText'
  /** Limits count bytes of UTF-8. */
  | 'countsBytes'
  /** There is an outbound queue with a limit. */
  | 'maxQueuedBytes'

/** A medium, as the transport suite needs to know it. */
export interface TransportSubject {
  readonly capabilities?: TransportCapabilities
  /** What does not apply to this medium, by clause or by ability, each with the reason. Shown as skipped. */
  readonly exempt?: Readonly<Partial<Record<ClauseId | Ability, string>>>
  /** Makes a fresh pair. */
  readonly pair: (options: PairOptions) => TransportPair | Promise<TransportPair>
  /** Calls the client factory with options that are valid, overlaid with these. */
  readonly create?: (overlay: Readonly<Record<string, unknown>>) => Transport
  /** Options for `create` each of which must be refused. Without it, a negative value of each common option. */
  readonly badOptions?: readonly Readonly<Record<string, unknown>>[]
  /** A transport whose `start()` fails because there is nobody to connect to. */
  readonly unreachable?: (options: PairOptions) => LoneTransport | Promise<LoneTransport>
  /** A transport whose peer is there and hangs up before `start()` can succeed. */
  readonly hangsUpDuringStart?: (options: PairOptions) => LoneTransport | Promise<LoneTransport>
  /** A transport whose `start()` stays pending until aborted. */
  readonly neverConnects?: (options: PairOptions) => LoneTransport | Promise<LoneTransport>
  /** How long the suite waits for what has to happen, in milliseconds; 5 000 without it. No expectation of speed. */
  readonly graceMs?: number
}
