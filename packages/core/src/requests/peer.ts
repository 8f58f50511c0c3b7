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
import { requireTransport } from '../contract/option-rules.js'
import { CANCELLED_METHOD, INITIALIZE_METHOD, PING_METHOD, PROGRESS_METHOD } from '../contract/protocol.js'
import type { Flow, MessageContext, SendOptions, TransportLike } from '../contract/transport.js'
import { cancelledBy, namesRevision } from '../messages/era.js'
import { JsonRpcError } from '../messages/json-rpc-error.js'
import { guarded, ignore } from '../timing/promises.js'
import { callbackFailed, closedError } from '../transport/transport-errors.js'
import { IncomingRequests, type RequestHandler } from './incoming-requests.js'
import {
  type PeerOptions,
  type PeerSettings,
  peerOptions,
  type RequestOptions,
  requestOptions,
} from './peer-options.js'
import { type JsonRpcResult, PendingRequests, type RequestLimits } from './pending-requests.js'

/** Requests and responses in both directions over one transport. */
export interface JsonRpcPeer extends AsyncDisposable {
  /** Settles once, with the reason where the transport reports one. Never rejects. */
  readonly closed: Promise<Error | undefined>
  start(): Promise<void>
  /**
   * Sends a request and resolves with its result. Rejects with a `JsonRpcError` for an error response, with
   * `REQUEST_TIMEOUT`, `CLOSED`, `signal.reason`, or the error of `send()`. A rejection without a handler is not an
   * unhandled rejection.
   */
  request(method: string, params?: MessageParams, options?: RequestOptions): Promise<JsonRpcResult>
  notify(method: string, params?: MessageParams, options?: SendOptions): Promise<void>
  /** Closes the transport. Pending requests reject with `CLOSED`. Never rejects. */
  close(): Promise<void>
}

/**
 * Makes a JSON-RPC peer of a transport: it matches responses to requests, calls handlers, cancels and times out. The peer
 * owns the transport and sets its `onmessage`, `onerror` and `onclose`.
 *
 * `ping` needs no handler. The peer handles requested progress and cancellations of pending requests. Each other
 * notification goes to its handler.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const client = peer(tcpClient({ port: 7000 }))
 * await client.start()
 * const { tools } = await client.request('tools/list')
 * ```
 */
export function peer(transport: TransportLike, options: PeerOptions = {}): JsonRpcPeer {
  requireTransport('transport', transport)
  return new TransportPeer(transport, peerOptions.read(options))
}

class TransportPeer implements JsonRpcPeer {
  readonly closed: Promise<Error | undefined>
  readonly #transport: TransportLike
  readonly #settings: PeerSettings
  readonly #settleClosed: (reason: Error | undefined) => void
  readonly #pending: PendingRequests
  readonly #incoming: IncomingRequests
  #lastId = 0
  #end: { readonly reason: Error | undefined } | undefined

  constructor(transport: TransportLike, settings: PeerSettings) {
    this.#transport = transport
    this.#settings = settings
    this.#pending = new PendingRequests(settings.clock, (cause) => {
      this.#report(callbackFailed('onProgress', cause))
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
    const response = this.#request(method, params, options)
    response.catch(ignore)
    return response
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
    const { signal, onProgress, send, ...limits } = requestOptions.select(options)
    signal?.throwIfAborted()
    if (this.#end) throw closedError(this.#end.reason)
    const id = ++this.#lastId
    const params = onProgress ? { ...given, _meta: { ...given?._meta, progressToken: id } } : given
    const request: JsonRpcRequest = { jsonrpc: '2.0', id, method, ...(params && { params }) }
    const stream =
      this.#transport.hasPerRequestStream && namesRevision(request) ? new AbortController() : undefined
    const requestLimits: RequestLimits = { ...limits, signal, onProgress }
    const result = this.#pending.wait(id, method, requestLimits, (reason) => {
      if (stream) stream.abort(reason)
      else this.#cancel(request, reason, send?.relatedRequestId)
    })
    this.#send(request, stream ? withRequestSignal(send, stream.signal) : send).catch((error) => {
      this.#pending.reject(id, error)
    })
    return result
  }

  #cancel(request: JsonRpcRequest, reason: unknown, relatedRequestId: RequestId | undefined): void {
    // A client never cancels `initialize`, and a task is cancelled with `tasks/cancel` (Cancellation, Behavior).
    if (request.method === INITIALIZE_METHOD || request.params?.['task'] !== undefined) return
    const params = { requestId: request.id, reason: toError(reason).message }
    const related = relatedRequestId === undefined ? undefined : { relatedRequestId }
    this.#send({ jsonrpc: '2.0', method: CANCELLED_METHOD, params }, related).catch((error) => {
      this.#reportUnlessOver(toError(error))
    })
  }

  /** An async function, so that a transport that throws synchronously causes a rejection. */
  async #send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    await this.#transport.send(message, options)
  }

  #receive(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (isResponse(message)) this.#settle(message)
    else if (isRequest(message)) this.#incoming.handle(message, context).catch(ignore)
    else this.#notified(message, context)
  }

  #settle(response: JsonRpcResponse): void {
    const { id } = response
    if (id !== undefined) {
      // A late response to a cancelled request is normal.
      if (this.#pending.settle(id, response) || this.#wasOurs(id)) return
      this.#report(new Error(`response without a request: id ${JSON.stringify(id)}`))
    } else if (isErrorResponse(response)) {
      const { code, message, data } = response.error
      this.#report(new JsonRpcError(code, message, data))
    }
  }

  #notified(notification: JsonRpcNotification, context: MessageContext | undefined): void {
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
    return ownMember(requests, method) ?? (method === PING_METHOD ? pong : onRequest)
  }

  #wasOurs(id: RequestId): boolean {
    return typeof id === 'number' && id >= 1 && id <= this.#lastId
  }

  #transportClosed(): void {
    const { closed } = this.#transport as { closed?: Promise<Error | undefined> }
    // Foreign transports report no reason.
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
    // A failure of the error callback cannot be reported.
    guarded(() => this.#settings.onError?.(error), ignore)
  }
}

/** Own members only: names from the wire, such as `constructor`, must not select inherited members. */
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
