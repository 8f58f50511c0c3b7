import type { ByteBudget } from './byte-budget.js'
import type { Connector } from './connector.js'
import type { Admission, Handshake, Refusal } from './gate.js'
import type { SessionGrant } from './session-policy.js'
import type { Transport } from './transport.js'

/**
 * Accepts connections and makes one transport for each. It has the same methods and slots as a transport, but it sends no
 * messages itself.
 */
export interface Listener extends AsyncDisposable {
  /**
   * The bound address as a URL, such as `tcp://127.0.0.1:7000`. The port is the bound one where port 0 was requested.
   * HTTP and WebSocket clients accept it as their `url`. Undefined before `start()` has succeeded.
   */
  readonly address: string | undefined
  /** The same as `address`. Throws `NOT_STARTED` before `start()` has succeeded. */
  readonly url: string
  /** The open connections: `onconnection` was called with each. */
  readonly connections: ReadonlySet<Transport>
  /** Settles once, with the reason unless the end was orderly. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /**
   * Called with the transport of each admitted client. The transport is idle and reads nothing until it is started. It is
   * closed when it is not started within `startTimeoutMs`.
   */
  onconnection: ((connection: Transport) => void) | undefined
  /**
   * Called with errors of callers and of the listener itself. Errors of a started connection go to the `onerror` of that
   * connection, or of the SDK server that is connected to it.
   */
  onerror: ((error: Error) => void) | undefined
  /**
   * Called with each caller that was refused: by the gate, the session policy, a limit, or for its credential. At most
   * ten times a second, and once more at the end of a second with the number of callers that were left out. Not called
   * for callers that are refused because the listener closes.
   */
  onrefused: ((caller: RefusedCaller) => void) | undefined
  /** Called exactly once, after the last connection has ended. */
  onclose: (() => void) | undefined
  /** Binds. Rejects with `LISTEN_FAILED`, `INVALID_OPTION`, `ALREADY_STARTED`, `CLOSED` or `signal.reason`. */
  start(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Stops accepting at once, waits up to `drainMs` (default 0) for pending requests, then closes each connection.
   * Over HTTP the port stays bound until all sessions have ended, because a client sends its responses as new HTTP
   * requests. New callers are then refused with 503. Idempotent, never rejects.
   */
  close(options?: { drainMs?: number | undefined }): Promise<void>
}

/** A caller that a listener has refused. It has no credential, and its texts are printable. */
export interface RefusedCaller {
  /** The address of the caller, as in `peer.address`. */
  readonly address: string
  /** The HTTP status of the refusal, also where the medium has none. */
  readonly status: number
  readonly reason: string
  /** The option whose limit was reached. */
  readonly option?: string
  /** The `Host` header. */
  readonly host?: string
  /** The `Origin` header. */
  readonly origin?: string
  /** The number of callers that were refused since the last call, and not reported because there were too many. */
  readonly omitted: number
}

/** One caller that is not admitted yet. Only its handshake was read. */
export interface Incoming {
  readonly handshake: Handshake
  /** The decision of the gate, where the acceptor has called it already. The listener then does not call it again. */
  readonly admission?: Admission
  /** Reads nothing until connected. */
  readonly connector: Connector
  /**
   * Ends an idle connection of the same listener in favor of this one, where the medium has idle ones. Returns whether
   * it has. Called at most once if it returns false.
   */
  readonly makeRoom?: () => boolean
  /** Whether the medium itself asks `admitMessage` of the gate, such as HTTP, which responds with a status. */
  readonly asksForMessages?: boolean
  /**
   * Called with the grant of the session policy before `connector.connect()`, for a medium whose sessions consist of
   * several HTTP requests: each of them is checked by `grant.check`.
   */
  readonly onGrant?: (grant: SessionGrant) => void
  /** Refuses the caller, with the reason where the medium can carry one, and releases everything. */
  readonly refuse: (refusal: Refusal) => void
}

/** A bound address. */
export interface Binding {
  readonly address: string
  /** Stops accepting and releases the address. Accepted connections stay open. */
  readonly close: () => Promise<void>
}

/** The receiver of an acceptor's callers, errors and end. */
export interface AcceptorSink {
  /** The bytes that all connections may hold together. Connections open their accounts here. */
  readonly budget: ByteBudget
  /**
   * Finds the caller behind a proxy, where the listener has a `resolveCaller`. An acceptor calls it once for each
   * handshake, before it uses the address or the headers. It then refuses the caller, or continues with the returned
   * handshake.
   */
  readonly resolve?: (handshake: Handshake) => Handshake | Refusal
  /** Offers one caller. */
  readonly connection: (incoming: Incoming) => void
  /** An error occurred. The acceptor still accepts callers. */
  readonly error: (error: Error) => void
  /** A caller was refused that was not offered. The listener reports refusals of offered callers itself. */
  readonly refused: (caller: Omit<RefusedCaller, 'omitted'>) => void
  /** The acceptor has failed and accepts no more callers. */
  readonly end: (error: Error) => void
}

/** The part of a listener that a medium implements. */
export interface Acceptor {
  /** Whether callers on other hosts can connect. The listener then requires a gate. */
  readonly bindsBeyondThisHost: boolean
  /** Binds, then offers each caller to the sink. Rejects with `LISTEN_FAILED`. */
  readonly listen: (sink: AcceptorSink, signal: AbortSignal) => Promise<Binding>
}
