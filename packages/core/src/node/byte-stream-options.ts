import {
  boolean,
  type CreateTransportOptions,
  createTransportOptions,
  defaultsOf,
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

/** The table of these options, to spread into the table of a transport. */
export const byteStreamOptions: OptionTable<ByteStreamOptions> = options<ByteStreamOptions>({
  ...createTransportOptions.rules,
  maxMessageBytes: integer(1024, Infinity, 10_485_760),
  maxQueuedBytes: integer(1024, Infinity, 16_777_216),
  keepEncoded: boolean(false),
})

/** Defaults of every transport over a byte stream. */
export const byteStreamDefaults: OptionDefaults<ByteStreamOptions> =
  /* @__PURE__ */ defaultsOf(byteStreamOptions)
