import { type Clock, systemClock } from '../contract/clock.js'
import type { JsonRpcNotification, MessageParams } from '../contract/message.js'
import type { KnownOptions } from '../contract/options.js'
import type { MessageContext, SendOptions } from '../contract/transport.js'
import type { RequestHandler } from './incoming-requests.js'

/** Hears one kind of notification. */
export type NotificationHandler = (
  params: MessageParams | undefined,
  context: MessageContext | undefined,
) => void | Promise<void>

/** What a peer answers, hears and reports. */
export interface PeerOptions {
  /** Request handlers by method. Read when a request arrives, so that they may be added later. */
  requests?: Readonly<Record<string, RequestHandler>> | undefined
  /** Answers requests without a handler of their own; without it they are answered −32601. */
  onRequest?: RequestHandler | undefined
  /** Notification handlers by method. Read when a notification arrives. */
  notifications?: Readonly<Record<string, NotificationHandler>> | undefined
  /** Hears notifications without a handler of their own. */
  onNotification?:
    | ((notification: JsonRpcNotification, context: MessageContext | undefined) => void)
    | undefined
  /** Hears what the transport reports, what handlers of notifications throw and what could not be sent. */
  onerror?: ((error: Error) => void) | undefined
  /**
   * Where deadlines come from.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** What a peer does unless told otherwise. */
export const peerDefaults: { readonly clock: Clock } = { clock: systemClock }

/** Each option of a peer. */
export const knownPeerOptions: KnownOptions<PeerOptions> = {
  ...peerDefaults,
  requests: 1,
  onRequest: 1,
  notifications: 1,
  onNotification: 1,
  onerror: 1,
}

/** How to send one request and how long to wait for its answer. */
export interface RequestOptions {
  /**
   * How long to wait for the answer, in milliseconds.
   * @defaultValue 60_000
   */
  timeoutMs?: number | undefined
  /**
   * How long to wait at most, whatever progress is made, in milliseconds.
   * @defaultValue Infinity
   */
  maxTotalTimeoutMs?: number | undefined
  /**
   * Whether progress starts `timeoutMs` anew. Takes `onprogress`, which is what asks the other side for progress.
   * @defaultValue false
   */
  resetTimeoutOnProgress?: boolean | undefined
  /** Hears of progress until the request is answered. */
  onprogress?: ((params: MessageParams) => void) | undefined
  /** Gives the request up: it is cancelled and rejects with `signal.reason`. */
  signal?: AbortSignal | undefined
  /** What travels with the request, such as the `relatedRequestId` of the one it is sent on behalf of. */
  send?: SendOptions | undefined
}

/** How a request is made unless told otherwise. */
export const requestDefaults: {
  readonly timeoutMs: 60_000
  readonly maxTotalTimeoutMs: number
  readonly resetTimeoutOnProgress: false
} = { timeoutMs: 60_000, maxTotalTimeoutMs: Infinity, resetTimeoutOnProgress: false }
