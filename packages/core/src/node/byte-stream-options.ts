import {
  boolean,
  type CreateTransportOptions,
  createTransportOptions,
  integer,
  type OptionDefaults,
  type OptionTable,
  options,
} from '../authoring.js'

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

/** The options of every transport over a stream of bytes. */
export const byteStreamOptions: OptionTable<ByteStreamOptions> = options<ByteStreamOptions>({
  ...createTransportOptions.rules,
  maxMessageBytes: integer(1024, Infinity, 10_485_760),
  maxQueuedBytes: integer(1024, Infinity, 16_777_216),
  keepEncoded: boolean(false),
})

/** What transports over a stream of bytes use for options that are not given. */
export const byteStreamDefaults: OptionDefaults<ByteStreamOptions> = byteStreamOptions.defaults
