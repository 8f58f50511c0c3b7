import type { Clock } from '../contract/clock.js'
import { clock, inRange } from '../contract/option-rules.js'
import {
  defaultsOf,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
} from '../contract/option-table.js'

/** Options of the life cycle of a transport. */
export interface CreateTransportOptions {
  /**
   * Longest wait for the channel to release its resources, after `close()` or an aborted `start()`, in milliseconds.
   * @defaultValue 2_000
   */
  closeTimeoutMs?: number | undefined
  /**
   * The source of time for deadlines.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** The options of every transport. */
export const createTransportOptions: OptionTable<CreateTransportOptions> = options<CreateTransportOptions>({
  closeTimeoutMs: inRange(0, Infinity, 2_000),
  clock: clock(),
})

/** The defaults of `createTransport`. */
export const createTransportDefaults: OptionDefaults<CreateTransportOptions> =
  /* @__PURE__ */ defaultsOf(createTransportOptions)

/** The options of the life cycle after their defaults. */
export type TransportSettings = OptionSettings<CreateTransportOptions>
