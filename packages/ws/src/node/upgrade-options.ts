import type { ListenerOptions } from '@mcpwire/core'
import {
  boolean,
  defaultsOf,
  inRange,
  listenerOptions,
  matching,
  type OptionalListenerOptions,
  type OptionDefaults,
  type OptionTable,
  options,
} from '@mcpwire/core/authoring'
import { type WsOptions, wsOptions } from '../ws-options.js'

/** Options of both kinds of listener. */
export interface WsUpgradeOptions extends ListenerOptions, WsOptions {
  /**
   * Path of the endpoint. Requests for other paths get status 404.
   * @defaultValue '/mcp'
   */
  path?: string | undefined
  /**
   * Whether a client may send a bearer token as the subprotocol `mcp.bearer.<token in base64url>`. Pages cannot send
   * it otherwise. The gate receives it in the header `authorization` only. It is never sent back.
   * @defaultValue false
   */
  tokenInSubprotocol?: boolean | undefined
  /**
   * Longest time in which a message of a client completes, from its first byte on, in milliseconds. After it, the
   * conversation ends with `REFUSED`. It does not run while this end does not read.
   * @defaultValue 30_000
   */
  messageTimeoutMs?: number | undefined
}

/** The options without a default. */
export type OptionalUpgradeOptions = OptionalListenerOptions | 'deflate'

/** The options of both kinds of listener. */
export const upgradeOptions: OptionTable<WsUpgradeOptions, OptionalUpgradeOptions> = options<
  WsUpgradeOptions,
  OptionalUpgradeOptions
>({
  ...wsOptions.rules,
  ...listenerOptions.rules,
  path: matching<string, string>(
    (value) => typeof value === 'string' && /^\/[^?#\s]*$/.test(value),
    'a path that starts with / and has no query',
    '/mcp',
  ),
  tokenInSubprotocol: boolean(false),
  messageTimeoutMs: inRange(1, Infinity, 30_000),
})

/** Defaults of the options of both kinds of listener. */
export const wsUpgradeDefaults: OptionDefaults<WsUpgradeOptions, OptionalUpgradeOptions> =
  /* @__PURE__ */ defaultsOf(upgradeOptions)
