import type { ListenerOptions } from '@mcpwire/core'
import {
  invalidOption,
  type KnownOptions,
  listenerDefaults,
  listenerOptions,
  requireText,
} from '@mcpwire/core/authoring'
import {
  knownWsOptions,
  requireBoolean,
  requireWsOptions,
  type WsOptions,
  wsDefaults,
} from '../ws-options.js'

/** Options of whatever takes WebSockets from an HTTP server. */
export interface WsUpgradeOptions extends ListenerOptions, WsOptions {
  /**
   * The path to be asked for; any other is answered with 404.
   * @defaultValue '/mcp'
   */
  path?: string | undefined
  /**
   * Whether a bearer token may come as a subprotocol, `mcp.bearer.` and the token in base64url: pages have no other
   * way. The gate sees it as `authorization`; it is never sent back, and taken out of what the gate sees otherwise.
   * @defaultValue false
   */
  tokenInSubprotocol?: boolean | undefined
}

/** What those use for options that are not given. Without a gate, only this host is admitted. */
export const wsUpgradeDefaults: {
  readonly path: '/mcp'
  readonly tokenInSubprotocol: false
} & typeof listenerDefaults &
  typeof wsDefaults = {
  path: '/mcp',
  tokenInSubprotocol: false,
  ...listenerDefaults,
  ...wsDefaults,
}

/** Each of these options. */
export const knownUpgradeOptions: KnownOptions<WsUpgradeOptions> = {
  ...wsUpgradeDefaults,
  ...listenerOptions.rules,
  ...knownWsOptions,
}

/** Throws `INVALID_OPTION` unless the options can work. */
export function requireUpgradeOptions(
  settings: Readonly<Record<keyof typeof wsUpgradeDefaults, unknown>> & WsOptions,
): void {
  requireWsOptions(settings)
  const { path } = settings
  requireText('path', path)
  if (!/^\/[^?#\s]*$/.test(path)) invalidOption('path', path, 'a path that starts with / and has no query')
  requireBoolean('tokenInSubprotocol', settings.tokenInSubprotocol)
}
