import type { ListenerOptions } from '@mcpwire/core'
import {
  boolean,
  defaultsOf,
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
})

/** Defaults of the options of both kinds of listener. */
export const wsUpgradeDefaults: OptionDefaults<WsUpgradeOptions, OptionalUpgradeOptions> =
  /* @__PURE__ */ defaultsOf(upgradeOptions)
