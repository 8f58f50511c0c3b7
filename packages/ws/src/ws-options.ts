import {
  boolean,
  type CreateTransportOptions,
  createTransportOptions,
  defaultsOf,
  group,
  inRange,
  integer,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  optional,
  options,
} from '@mcpwire/core/authoring'

/** Options of both ends of a WebSocket. */
export interface WsOptions extends CreateTransportOptions {
  /**
   * Longest message to send or accept, in bytes, uncompressed. A longer one makes `send()` reject with
   * `MESSAGE_TOO_LARGE`. From the peer it ends the conversation with that code, before its bytes are buffered; in a
   * browser, after that.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Limit for messages that wait to be sent, in bytes. Beyond it `send()` rejects with `OVERLOADED` and sends nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Time without activity of the peer before a ping, in milliseconds. Many proxies cut connections that are idle for
   * 20 s or more. `Infinity` disables pings. Browsers cannot send any.
   * @defaultValue 15_000
   */
  pingIntervalMs?: number | undefined
  /**
   * Time that the peer gets to respond to a ping, in milliseconds. After it the conversation ends with `PEER_LOST`.
   * @defaultValue 5_000
   */
  pongTimeoutMs?: number | undefined
  /**
   * Longest time in which a message of the peer completes, from its first byte on, in milliseconds. After it, the
   * conversation ends with `REFUSED`. It does not run while this end does not read. Browsers do not report partial
   * messages.
   * @defaultValue Infinity
   */
  messageTimeoutMs?: number | undefined
  /**
   * Whether the subprotocol `mcp` is required. A peer without it is refused.
   * @defaultValue true
   */
  requireSubprotocol?: boolean | undefined
  /**
   * Compression of messages, if the peer agrees. `{}` uses the defaults. It takes memory for each connection and time
   * for each message. Browsers compress by their own settings.
   * @defaultValue undefined
   */
  deflate?: DeflateOptions | undefined
}

/** Options of compression with permessage-deflate (RFC 7692). */
export interface DeflateOptions {
  /**
   * Shortest message that is compressed, in bytes.
   * @defaultValue 1_024
   */
  thresholdBytes?: number | undefined
  /**
   * Whether earlier messages help to compress later ones. This takes some 300 KiB for each connection.
   * @defaultValue false
   */
  contextTakeover?: boolean | undefined
}

const deflateOptions: OptionTable<DeflateOptions> = options<DeflateOptions>({
  thresholdBytes: integer(0, Infinity, 1_024),
  contextTakeover: boolean(false),
})

/** Defaults of the options of compression. */
export const deflateDefaults: OptionDefaults<DeflateOptions> = /* @__PURE__ */ defaultsOf(deflateOptions)

/** The options of compression with their defaults. */
export type DeflateSettings = OptionSettings<DeflateOptions>

/** Adds the defaults. Without options, compression is off. */
export function deflateSettings(given: DeflateOptions | undefined): DeflateSettings | undefined {
  return given && deflateOptions.select(given)
}

/** The longest string of V8, in characters: each message becomes one. */
const MAX_STRING_LENGTH = 2 ** 29 - 24

/** The options of both ends of a WebSocket. */
export const wsOptions: OptionTable<WsOptions, 'deflate'> = options<WsOptions, 'deflate'>({
  ...createTransportOptions.rules,
  maxMessageBytes: integer(1024, MAX_STRING_LENGTH, 10_485_760),
  maxQueuedBytes: integer(1024, Infinity, 16_777_216),
  pingIntervalMs: inRange(1, Infinity, 15_000),
  pongTimeoutMs: inRange(1, Infinity, 5_000),
  messageTimeoutMs: inRange(1, Infinity, Infinity),
  requireSubprotocol: boolean(true),
  deflate: optional(group(deflateOptions)),
})

/** Defaults of the options of both ends of a WebSocket. */
export const wsDefaults: OptionDefaults<WsOptions, 'deflate'> = /* @__PURE__ */ defaultsOf(wsOptions)
