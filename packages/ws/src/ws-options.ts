import type { Clock } from '@mcpwire/core'
import {
  type CreateTransportOptions,
  createTransportDefaults,
  invalidOption,
  type KnownOptions,
  requireInRange,
  requireInteger,
} from '@mcpwire/core/authoring'
import { type DeflateOptions, requireDeflate } from './deflate.js'

/** Options of both ends of a WebSocket. */
export interface WsOptions extends CreateTransportOptions {
  /**
   * Longest message sent or accepted, in bytes, after decompression. One of ours that is longer rejects with
   * `MESSAGE_TOO_LARGE`; one of the peer's ends the conversation with it, before its bytes are held. In browsers the
   * platform has read it by then.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most that may wait to be sent, in bytes. Beyond it `send()` rejects with `OVERLOADED` and sends nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * How long nothing may be heard before the peer is pinged, in milliseconds; proxies cut connections that are idle
   * for 20 s and more. `Infinity` never asks, and neither does a browser, which has no way to.
   * @defaultValue 15_000
   */
  pingIntervalMs?: number | undefined
  /**
   * How long the peer may then take to give a sign of life, in milliseconds, before the conversation ends as
   * `PEER_LOST`.
   * @defaultValue 5_000
   */
  pongTimeoutMs?: number | undefined
  /**
   * Whether the subprotocol `mcp` is asked for, and a peer that does not know it is turned away.
   * @defaultValue true
   */
  requireSubprotocol?: boolean | undefined
  /**
   * Compresses messages where the peer agrees to; `{}` for the defaults. Takes memory for each connection and time
   * for each message. Browsers decide for themselves.
   * @defaultValue undefined
   */
  deflate?: DeflateOptions | undefined
}

/** What both ends use for options that are not given. */
export const wsDefaults: {
  readonly maxMessageBytes: 10_485_760
  readonly maxQueuedBytes: 16_777_216
  readonly pingIntervalMs: 15_000
  readonly pongTimeoutMs: 5_000
  readonly requireSubprotocol: true
  readonly closeTimeoutMs: number
  readonly clock: Clock
} = {
  maxMessageBytes: 10_485_760,
  maxQueuedBytes: 16_777_216,
  pingIntervalMs: 15_000,
  pongTimeoutMs: 5_000,
  requireSubprotocol: true,
  ...createTransportDefaults,
}

/** The longest text V8 can hold, in characters: a message becomes one. */
const MOST_MESSAGE_BYTES = 2 ** 29 - 24

/** Each option of both ends. */
export const knownWsOptions: KnownOptions<WsOptions> = { ...wsDefaults, deflate: 1 }

/** Throws `INVALID_OPTION` unless the options can work. */
export function requireWsOptions(
  settings: Readonly<Record<keyof typeof wsDefaults, unknown>> & WsOptions,
): void {
  requireInteger('maxMessageBytes', settings.maxMessageBytes, 1024, MOST_MESSAGE_BYTES)
  requireInteger('maxQueuedBytes', settings.maxQueuedBytes, 1024, Infinity)
  requireInRange('pingIntervalMs', settings.pingIntervalMs, 1, Infinity)
  requireInRange('pongTimeoutMs', settings.pongTimeoutMs, 1, Infinity)
  requireInRange('closeTimeoutMs', settings.closeTimeoutMs, 0, Infinity)
  requireBoolean('requireSubprotocol', settings.requireSubprotocol)
  if (settings.deflate !== undefined) requireDeflate(settings.deflate)
}

/** Throws `INVALID_OPTION` unless it is true or false. */
export function requireBoolean(option: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') invalidOption(option, value, 'true or false')
}
