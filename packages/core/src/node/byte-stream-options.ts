import {
  boolean,
  type CreateTransportOptions,
  createTransportOptions,
  defaultsOf,
  inRange,
  integer,
  type OptionDefaults,
  type OptionTable,
  options,
} from '../authoring.js'

/** Options of every transport over a byte stream. */
export interface ByteStreamOptions extends CreateTransportOptions {
  /**
   * Longest message sent or accepted, in bytes. `send()` rejects a longer one with `MESSAGE_TOO_LARGE`; a longer one
   * of the peer closes the connection. Undecoded data takes at most twice this much memory.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Largest send queue, in bytes. When it is full, `send()` rejects with `OVERLOADED` and sends nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Whether `encodedOf(message)` returns the received bytes of a message. Costs a copy of each message.
   * @defaultValue false
   */
  keepEncoded?: boolean | undefined
}

/** Options of every transport over a socket. */
export interface SocketStreamOptions extends ByteStreamOptions {
  /**
   * Longest time in which a message of the peer completes, from its first byte on, in milliseconds. After it, the
   * connection ends with `REFUSED`. It does not run while this end does not read.
   * @defaultValue Infinity
   */
  messageTimeoutMs?: number | undefined
  /**
   * Silence of the peer before the request `ping` is sent, in milliseconds, while a message of this end is in flight. If
   * nothing arrives in the same time again, the connection ends with `PEER_LOST`. Only in a session: after the response
   * to `initialize`, and not in 2026-07-28. The application does not see the ping.
   * @defaultValue Infinity
   */
  pingIntervalMs?: number | undefined
}

/** The table of these options, to spread into the table of a transport. */
export const byteStreamOptions: OptionTable<ByteStreamOptions> = options<ByteStreamOptions>({
  ...createTransportOptions.rules,
  maxMessageBytes: integer(1024, Infinity, 10_485_760),
  maxQueuedBytes: integer(1024, Infinity, 16_777_216),
  keepEncoded: boolean(false),
})

/** The table of the options of a client over a socket. */
export const socketStreamOptions: OptionTable<SocketStreamOptions> = options<SocketStreamOptions>({
  ...byteStreamOptions.rules,
  messageTimeoutMs: inRange(1, Infinity, Infinity),
  pingIntervalMs: inRange(1, Infinity, Infinity),
})

/** Options of every listener over sockets. */
export interface SocketServerOptions extends SocketStreamOptions {
  /**
   * Longest time in which a message of a client completes, from its first byte on, in milliseconds. After it, the
   * connection ends with `REFUSED`. It does not run while this end does not read.
   * @defaultValue 30_000
   */
  messageTimeoutMs?: number | undefined
}

/** The table of the options of a listener over sockets. */
export const socketServerOptions: OptionTable<SocketServerOptions> = options<SocketServerOptions>({
  ...socketStreamOptions.rules,
  messageTimeoutMs: inRange(1, Infinity, 30_000),
})

/** Defaults of every transport over a byte stream. */
export const byteStreamDefaults: OptionDefaults<ByteStreamOptions> =
  /* @__PURE__ */ defaultsOf(byteStreamOptions)
