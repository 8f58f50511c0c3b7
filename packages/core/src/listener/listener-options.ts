import type { ByteBudget } from '../contract/byte-budget.js'
import type { Clock } from '../contract/clock.js'
import type { Layer } from '../contract/connector.js'
import { type CallerResolver, type Gate, requireGate } from '../contract/gate.js'
import {
  callback,
  clock,
  inRange,
  integer,
  matching,
  objectWith,
  optional,
  rule,
} from '../contract/option-rules.js'
import {
  defaultsOf,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
} from '../contract/option-table.js'
import type { SessionPolicy } from '../contract/session-policy.js'
import { layerList } from '../layers/layers.js'

/** Options of every listener. */
export interface ListenerOptions {
  /**
   * Gate that admits or refuses each caller. Its `admit(handshake)` returns `{ admit: true, authInfo }`, or
   * `{ admit: false, status, reason }`. Its `admitMessage`, if it has one, is asked for each request. Required where callers on other hosts can connect.
   * @defaultValue undefined
   */
  gate?: Gate | undefined
  /**
   * Longest time for the decision of the gate, in milliseconds. After it, the caller is refused.
   * @defaultValue 5_000
   */
  gateTimeoutMs?: number | undefined
  /**
   * Finds the caller behind a proxy, before all else: the gate, `peer.address`, limits, hooks and logs use the handshake
   * that it returns. A refusal, or an exception, refuses the caller.
   * @defaultValue undefined
   */
  resolveCaller?: CallerResolver | undefined
  /**
   * Layers around each connection, outermost first.
   * @defaultValue undefined
   */
  layers?: readonly Layer[] | undefined
  /**
   * Policy for the number and the lifetime of sessions. Its `open({ handshake, admission })` returns `{ admit: true }`
   * with optional `lifetimeMs`, `idleTimeoutMs`, `release`, `revoked` and `check`, or a refusal as a gate does.
   * @defaultValue undefined
   */
  sessionPolicy?: SessionPolicy | undefined
  /**
   * Most callers that are connected or wait for the gate. Further ones are refused with 503.
   * @defaultValue 1_000
   */
  maxConnections?: number | undefined
  /**
   * Most bytes that all connections hold together: unfinished input, queued output and waiting messages. Beyond it, the
   * connection that holds the most without progress ends with `OVERLOADED`. A `ByteBudget` from `createByteBudget` is a
   * limit that several listeners share.
   * @defaultValue 268_435_456
   */
  maxTotalBytes?: number | ByteBudget | undefined
  /**
   * Longest time before an admitted connection is started, in milliseconds. After it, the connection is closed.
   * @defaultValue 10_000
   */
  startTimeoutMs?: number | undefined
  /**
   * Longest time to close one connection, in milliseconds.
   * @defaultValue 2_000
   */
  closeTimeoutMs?: number | undefined
  /**
   * The source of time for deadlines.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** The options of a listener that have no default. */
export type OptionalListenerOptions = 'gate' | 'layers' | 'resolveCaller' | 'sessionPolicy'

/** Options of a listener after their defaults. */
export type ListenerSettings = OptionSettings<ListenerOptions, OptionalListenerOptions>

/** The options of every listener. */
export const listenerOptions: OptionTable<ListenerOptions, OptionalListenerOptions> = options<
  ListenerOptions,
  OptionalListenerOptions
>({
  gate: optional(rule(requireGate)),
  gateTimeoutMs: inRange(1, Infinity, 5_000),
  resolveCaller: optional(callback<CallerResolver>()),
  layers: optional(layerList),
  sessionPolicy: optional(objectWith<SessionPolicy>(['open'], 'a SessionPolicy')),
  maxConnections: integer(1, Infinity, 1_000),
  maxTotalBytes: matching<number | ByteBudget, number>(
    isTotal,
    'an integer of at least 1024, Infinity or a ByteBudget',
    268_435_456,
  ),
  startTimeoutMs: inRange(1, Infinity, 10_000),
  closeTimeoutMs: inRange(0, Infinity, 2_000),
  clock: clock(),
})

/** The defaults of every listener. */
export const listenerDefaults: OptionDefaults<ListenerOptions, OptionalListenerOptions> =
  /* @__PURE__ */ defaultsOf(listenerOptions)

function isTotal(value: unknown): boolean {
  if (typeof value === 'number') return value === Infinity || (Number.isSafeInteger(value) && value >= 1_024)
  // A session policy has `open` too.
  const { open, maxTotalBytes } = (value ?? {}) as Partial<ByteBudget>
  return typeof open === 'function' && typeof maxTotalBytes === 'number'
}
