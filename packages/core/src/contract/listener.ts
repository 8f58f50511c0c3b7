import type { Connector } from './connector.js'
import type { Admission, Handshake, Refusal } from './gate.js'
import type { Transport } from './transport.js'

/**
 * Waits for callers and yields one transport for each: a transport of transports, with the same verbs and slots.
 * It never sends anything itself, to one connection or to all.
 */
export interface Listener extends AsyncDisposable {
  /**
   * Where it listens, as a URL such as `tcp://127.0.0.1:7000`, with the port that was bound where 0 was asked for.
   * Clients over HTTP and WebSocket take it as their `url`. Undefined until started.
   */
  readonly address: string | undefined
  /** The same as `address`, for code that runs after `start()`: throws `NOT_STARTED` before. */
  readonly url: string
  /** The connections that were yielded and have not ended. */
  readonly connections: ReadonlySet<Transport>
  /** Settles once, with the reason unless the end was orderly. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /**
   * Called with each caller that was admitted. The transport is idle and reads nothing until it is started, for
   * which there are `startTimeoutMs`.
   */
  onconnection: ((connection: Transport) => void) | undefined
  /**
   * Called for what went wrong, with a caller or with the listener itself. What goes wrong with a connection once it
   * is started is told to that connection's `onerror`: the server's, where one of an SDK is connected to it.
   */
  onerror: ((error: Error) => void) | undefined
  /** Called exactly once, after the last connection has ended. */
  onclose: (() => void) | undefined
  /** Binds. Rejects with `LISTEN_FAILED`, `INVALID_OPTION`, `ALREADY_STARTED`, `CLOSED` or `signal.reason`. */
  start(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Stops accepting at once, gives requests that are being answered `drainMs` to finish (none by default), then
   * closes every connection. Over HTTP a client answers what it is asked with another request, maybe on a socket of its
   * own, so the port is bound, and whoever is new refused with 503, until the sessions are over. Idempotent, never
   * rejects.
   */
  close(options?: { drainMs?: number | undefined }): Promise<void>
}

/** One caller that is not admitted yet. Only its handshake was read. */
export interface Incoming {
  readonly handshake: Handshake
  /** The decision of the gate, where the acceptor has called it already. The listener then does not call it again. */
  readonly admission?: Admission
  /** Reads nothing until connected. */
  readonly connector: Connector
  /** Turns the caller away, telling it why where the medium can, and releases everything. */
  readonly refuse: (verdict: Refusal) => void
}

/** A bound address. */
export interface Binding {
  readonly address: string
  /** Stops accepting and releases the address. Leaves accepted connections alone. */
  readonly close: () => Promise<void>
}

/** Where an acceptor takes its callers. */
export interface AcceptorSink {
  /** Offers one caller. */
  readonly connection: (incoming: Incoming) => void
  /** Tells of what went wrong with one caller, or once, while others can still come. */
  readonly error: (error: Error) => void
  /** Tells that no caller can come any more. */
  readonly end: (error: Error) => void
}

/** What a medium supplies to make a listener. */
export interface Acceptor {
  /** Whether callers on other hosts can reach it; it then needs a gate. */
  readonly bindsBeyondThisHost: boolean
  /** Binds, and takes every caller to the door. Rejects with `LISTEN_FAILED`. */
  readonly listen: (door: AcceptorSink, signal: AbortSignal) => Promise<Binding>
}
