import type { Clock } from '../contract/clock.js'
import type { JsonRpcNotification, MessageParams } from '../contract/message.js'
import {
  boolean,
  callback,
  callbacks,
  clock,
  inRange,
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
import { rejectOption } from '../contract/options.js'
import type { MessageContext, SendOptions } from '../contract/transport.js'
import type { RequestHandler } from './incoming-requests.js'

/** Handles one kind of notification. */
export type NotificationHandler = (
  params: MessageParams | undefined,
  context: MessageContext | undefined,
) => void | Promise<void>

/** Options of a peer: its handlers and its callbacks. */
export interface PeerOptions {
  /** Request handlers by method. Read for each request, so that handlers can be added later. */
  requests?: Readonly<Record<string, RequestHandler>> | undefined
  /** Handles requests without a handler of their own. Without it they are answered with −32601. */
  onRequest?: RequestHandler | undefined
  /** Notification handlers by method. Read for each notification. */
  notifications?: Readonly<Record<string, NotificationHandler>> | undefined
  /** Called with notifications without a handler of their own. */
  onNotification?:
    | ((notification: JsonRpcNotification, context: MessageContext | undefined) => void)
    | undefined
  /** Called with errors of the transport, of notification handlers, and of responses that could not be sent. */
  onError?: ((error: Error) => void) | undefined
  /**
   * The source of time for deadlines.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** The options of a peer that have no default. */
type WithoutDefault = 'requests' | 'onRequest' | 'notifications' | 'onNotification' | 'onError'

/** Options of a peer after their defaults. */
export type PeerSettings = OptionSettings<PeerOptions, WithoutDefault>

const handlers = <H>() => callbacks<Readonly<Record<string, H>>>('an object with a function for each method')

/** The options of a peer. */
export const peerOptions: OptionTable<PeerOptions, WithoutDefault> = options<PeerOptions, WithoutDefault>({
  requests: optional(handlers<RequestHandler>()),
  onRequest: optional(callback()),
  notifications: optional(handlers<NotificationHandler>()),
  onNotification: optional(callback()),
  onError: optional(callback()),
  clock: clock(),
})

/** The defaults of `peer`. */
export const peerDefaults: OptionDefaults<PeerOptions, WithoutDefault> =
  /* @__PURE__ */ defaultsOf(peerOptions)

/** Options of one request. */
export interface RequestOptions {
  /**
   * Longest wait for the response, in milliseconds.
   * @defaultValue 60_000
   */
  timeoutMs?: number | undefined
  /**
   * Longest wait for the response in all, whatever progress arrives, in milliseconds.
   * @defaultValue Infinity
   */
  maxTotalTimeoutMs?: number | undefined
  /**
   * Whether each progress notification restarts `timeoutMs`. Requires `onProgress`, which requests the progress.
   * @defaultValue false
   */
  resetTimeoutOnProgress?: boolean | undefined
  /** Called with each progress notification until the response arrives. */
  onProgress?: ((params: MessageParams) => void) | undefined
  /** Cancels the request when it aborts. The request then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined
  /** Options of the `send()` of the request, such as its `relatedRequestId`. */
  send?: SendOptions | undefined
}

/** The options of one request. Unknown names are ignored. */
export const requestOptions: OptionTable<RequestOptions, 'onProgress' | 'signal' | 'send'> = options<
  RequestOptions,
  'onProgress' | 'signal' | 'send'
>({
  timeoutMs: inRange(0, Infinity, 60_000),
  maxTotalTimeoutMs: inRange(0, Infinity, Infinity),
  resetTimeoutOnProgress: boolean(false),
  onProgress: optional(callback()),
  signal: optional(objectWith<AbortSignal>(['throwIfAborted', 'addEventListener'], 'an AbortSignal')),
  send: optional(
    rule<SendOptions>((option, value) => {
      if (typeof value !== 'object' || value === null) rejectOption(option, 'an object')
    }),
  ),
})

/** The defaults of one request. */
export const requestDefaults: OptionDefaults<RequestOptions, 'onProgress' | 'signal' | 'send'> =
  /* @__PURE__ */ defaultsOf(requestOptions)
