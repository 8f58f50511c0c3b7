import { toError } from '../contract/errors.js'
import {
  isErrorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type MessageParams,
  type RequestId,
} from '../contract/message.js'
import { requireInRange, requireKnownOptions, resolveOptions } from '../contract/options.js'
import type { Flow, MessageContext, SendOptions, TransportLike } from '../contract/transport.js'
import { CANCELLED_METHOD, cancelledBy, namesRevision, PROGRESS_METHOD } from '../messages/era.js'
import { JsonRpcError } from '../messages/json-rpc-error.js'
import { guarded } from '../timing/promises.js'
import { callbackFailed } from '../transport/callback-failed.js'
import { closedError } from '../transport/closed-error.js'
import { IncomingRequests, type RequestHandler } from './incoming-requests.js'
import {
  knownPeerOptions,
  type PeerOptions,
  peerDefaults,
  type RequestOptions,
  requestDefaults,
} from './peer-options.js'
import { type GracePeriod, type JsonRpcResult, PendingRequests } from './pending-requests.js'

/** Requests and answers over one transport. */
export interface JsonRpcPeer extends AsyncDisposable {
  /** Settles once, with the reason unless the end was orderly or the transport does not tell. Never rejects. */
  readonly closed: Promise<Error | undefined>
  start(): Promise<void>
  /**
   * Sends a request and resolves with its result. Rejects with a `JsonRpcError` where that is the answer, with
   * `REQUEST_TIMEOUT`, `CLOSED`, `signal.reason`, or what `send()` rejects with. A rejection that nobody looks at
   * is not raised as an unhandled one: it may come long after the caller lost interest.
   */
  request(method: string, params?: MessageParams, options?: RequestOptions): Promise<JsonRpcResult>
  notify(method: string, params?: MessageParams, options?: SendOptions): Promise<void>
  /** Ends the conversation; what is pending rejects with `CLOSED`. Never rejects. */
  close(): Promise<void>
}

/**
 * Speaks JSON-RPC over a transport: matches answers to requests, calls handlers, cancels and times out. The
 * transport then belongs to the peer, which takes its `onmessage`, `onerror` and `onclose`.
 *
 * `ping` is answered without a handler. Progress that a request asked for, and cancellations of requests being
 * answered, are acted on; every other notification goes to its handler.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function peer(transport: TransportLike, options: PeerOptions = {}): JsonRpcPeer {
  requireKnownOptions(options, knownPeerOptions)
  return new TransportPeer(transport, resolveOptions(peerDefaults, options))
}

type Settings = ReturnType<typeof resolveOptions<typeof peerDefaults, PeerOptions>>

class TransportPeer implements JsonRpcPeer {
  readonly closed: Promise<Error | undefined>
  readonly #transport: TransportLike
  readonly #settings: Settings
  readonly #settleClosed: (reason: Error | undefined) => void
  readonly #pending: PendingRequests
  readonly #incoming: IncomingRequests
  #lastId = 0
  #end: { readonly reason: Error | undefined } | undefined

  constructor(transport: TransportLike, settings: Settings) {
    this.#transport = transport
    this.#settings = settings
    this.#pending = new PendingRequests(settings.clock, (cause) => {
      this.#report(callbackFailed('onprogress', cause))
    })
    this.#incoming = new IncomingRequests({
      handlerOf: (method) => this.#handlerOf(method),
      send: (message, options) => this.#send(message, options),
      report: (error) => this.#reportUnlessOver(error),
      full: (isFull) => {
        const { flow } = transport as { flow?: Flow | undefined }
        if (isFull) flow?.pause()
        else flow?.resume()
      },
    })
    let settle!: (reason: Error | undefined) => void
    this.closed = new Promise((resolve) => {
      settle = resolve
    })
    this.#settleClosed = settle
    transport.onmessage = (message, context) => this.#receive(message, context)
    transport.onerror = (error) => this.#report(error)
    transport.onclose = () => this.#transportClosed()
  }

  async start(): Promise<void> {
    await this.#transport.start()
  }

  request(method: string, params?: MessageParams, options: RequestOptions = {}): Promise<JsonRpcResult> {
    const answer = this.#request(method, params, options)
    answer.catch(ignore)
    return answer
  }

  async notify(method: string, params?: MessageParams, options?: SendOptions): Promise<void> {
    await this.#send({ jsonrpc: '2.0', method, ...(params && { params }) }, options)
  }

  async close(): Promise<void> {
    try {
      await this.#transport.close()
    } catch (error) {
      this.#report(toError(error))
    }
    this.#transportClosed()
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #request(
    method: string,
    given: MessageParams | undefined,
    options: RequestOptions,
  ): Promise<JsonRpcResult> {
    const { signal, onprogress, send, ...limits } = resolveOptions(requestDefaults, options)
    requireInRange('timeoutMs', limits.timeoutMs, 0, Infinity)
    requireInRange('maxTotalTimeoutMs', limits.maxTotalTimeoutMs, 0, Infinity)
    signal?.throwIfAborted()
    if (this.#end) throw closedError(this.#end.reason)
    const id = ++this.#lastId
    const params = onprogress ? { ...given, _meta: { ...given?._meta, progressToken: id } } : given
    const request: JsonRpcRequest = { jsonrpc: '2.0', id, method, ...(params && { params }) }
    const stream =
      this.#transport.hasPerRequestStream && namesRevision(request) ? new AbortController() : undefined
    const patience: GracePeriod = { ...limits, signal, onprogress }
    const answer = this.#pending.wait(id, method, patience, (reason) => {
      if (stream) stream.abort(reason)
      else this.#cancel(request, reason, send?.relatedRequestId)
    })
    this.#send(request, stream ? withRequestSignal(send, stream.signal) : send).catch((error) => {
      this.#pending.reject(id, error)
    })
    return answer
  }

  #cancel(request: JsonRpcRequest, reason: unknown, relatedRequestId: RequestId | undefined): void {
    // A client never cancels `initialize`, and a task is cancelled with `tasks/cancel` (Cancellation, Behavior).
    if (request.method === 'initialize' || request.params?.['task'] !== undefined) return
    const params = { requestId: request.id, reason: toError(reason).message }
    const related = relatedRequestId === undefined ? undefined : { relatedRequestId }
    this.#send({ jsonrpc: '2.0', method: CANCELLED_METHOD, params }, related).catch((error) => {
      this.#reportUnlessOver(toError(error))
    })
  }

  /** A transport that throws where it should reject does no harm. */
  async #send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    await this.#transport.send(message, options)
  }

  #receive(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (isResponse(message)) this.#settle(message)
    else if (isRequest(message)) this.#incoming.answer(message, context).catch(ignore)
    else this.#hear(message, context)
  }

  #settle(response: JsonRpcResponse): void {
    const { id } = response
    if (id !== undefined) {
      // A late answer to what was given up is no surprise.
      if (this.#pending.settle(id, response) || this.#wasOurs(id)) return
      this.#report(new Error(`a response to a request that was never sent: id ${JSON.stringify(id)}`))
    } else if (isErrorResponse(response)) {
      const { code, message, data } = response.error
      this.#report(new JsonRpcError(code, message, data))
    }
  }

  #hear(notification: JsonRpcNotification, context: MessageContext | undefined): void {
    const { method, params } = notification
    const cancelled = cancelledBy(notification)
    if (cancelled !== undefined && this.#incoming.cancel(cancelled, cancelReason(params))) return
    const token = method === PROGRESS_METHOD ? params?.['progressToken'] : undefined
    this.#guard(method, () => {
      if (params && isToken(token) && (this.#pending.progressed(token, params) || this.#wasOurs(token)))
        return
      const { notifications, onNotification } = this.#settings
      const handler = ownMember(notifications, method)
      return handler ? handler(params, context) : onNotification?.(notification, context)
    })
  }

  #guard(slot: string, call: () => unknown): void {
    const failed = (cause: unknown): void => {
      this.#report(callbackFailed(slot, cause, `the handler of ${slot}`))
    }
    guarded(call, failed)
  }

  #handlerOf(method: string): RequestHandler | undefined {
    const { requests, onRequest } = this.#settings
    return ownMember(requests, method) ?? (method === 'ping' ? pong : onRequest)
  }

  #wasOurs(id: RequestId): boolean {
    return typeof id === 'number' && id >= 1 && id <= this.#lastId
  }

  #transportClosed(): void {
    const { closed } = this.#transport as { closed?: Promise<Error | undefined> }
    // Only our own transports say how they ended; of others, the end itself is all that is known.
    if (closed) void closed.then((reason) => this.#ended(reason))
    else this.#ended(undefined)
  }

  #ended(reason: Error | undefined): void {
    if (this.#end) return
    this.#end = { reason }
    const error = closedError(reason)
    this.#pending.rejectAll(error)
    this.#incoming.cancelAll(error)
    this.#settleClosed(reason)
  }

  #reportUnlessOver(error: Error): void {
    if (!this.#end) this.#report(error)
  }

  #report(error: Error): void {
    // There is nobody left to tell when the one who listens for errors fails.
    guarded(() => this.#settings.onerror?.(error), ignore)
  }
}

/** Names from the wire, such as `constructor`, must not reach what an object inherits. */
function ownMember<T>(members: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return members && Object.hasOwn(members, name) ? members[name] : undefined
}

function withRequestSignal(options: SendOptions | undefined, signal: AbortSignal): SendOptions {
  const given = options?.requestSignal
  return { ...options, requestSignal: given ? AbortSignal.any([given, signal]) : signal }
}

function cancelReason(params: MessageParams | undefined): Error {
  const reason = params?.['reason']
  return new Error(
    typeof reason === 'string' ? `cancelled by the other side: ${reason}` : 'cancelled by the other side',
  )
}

function isToken(value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number'
}

function pong(): Record<string, never> {
  return {}
}

function ignore(): void {}
