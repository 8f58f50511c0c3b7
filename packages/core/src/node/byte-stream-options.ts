import {
  type CreateTransportOptions,
  createTransportDefaults,
  requireInRange,
  requireInteger,
} from '../authoring.js'
import type { Clock } from '../index.js'

/** Options of every transport over a stream of bytes. */
export interface ByteStreamOptions extends CreateTransportOptions {
  /**
   * Longest message sent or accepted, in bytes. One of ours that is longer rejects with `MESSAGE_TOO_LARGE`; one of
   * the peer's ends the conversation with it. Worst-case memory for what is not yet decoded is twice this much.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most that may wait to be sent, in bytes. Beyond it `send()` rejects with `OVERLOADED` and sends nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Whether `encodedOf(message)` yields the bytes a message came as. Costs a copy of each.
   * @defaultValue false
   */
  keepEncoded?: boolean | undefined
}

/** What transports over a stream of bytes use for options that are not given. */
export const byteStreamDefaults: {
  readonly maxMessageBytes: 10_485_760
  readonly maxQueuedBytes: 16_777_216
  readonly keepEncoded: false
  readonly closeTimeoutMs: 2_000
  readonly clock: Clock
} = {
  maxMessageBytes: 10_485_760,
  maxQueuedBytes: 16_777_216,
  keepEncoded: false,
  ...createTransportDefaults,
}

/** Throws `INVALID_OPTION` unless the limits of a byte stream are numbers it can work with. */
export function requireByteStreamLimits(
  limits: Readonly<Record<'maxMessageBytes' | 'maxQueuedBytes' | 'closeTimeoutMs', unknown>>,
): void {
  requireInteger('maxMessageBytes', limits.maxMessageBytes, 1024, Infinity)
  requireInteger('maxQueuedBytes', limits.maxQueuedBytes, 1024, Infinity)
  requireInRange('closeTimeoutMs', limits.closeTimeoutMs, 0, Infinity)
}
