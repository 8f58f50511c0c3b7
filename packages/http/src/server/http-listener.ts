import type { JsonRpcNotification, Listener } from '@mcpwire/core'
import type { NotifyOptions } from './stateless/listen-feed.js'

/** A listener for MCP over HTTP. */
export interface HttpListener extends Listener {
  /**
   * Tells of a change those clients of 2026-07-28 who subscribed to it, where the endpoint serves subscriptions itself
   * (`modern: 'per-request'`); nobody otherwise. Takes `notifications/{tools,prompts,resources}/list_changed` and
   * `notifications/resources/updated`. Resolves once their streams have taken it. Bound, never rejects.
   */
  readonly notify: (notification: JsonRpcNotification, options?: NotifyOptions) => Promise<void>
}
