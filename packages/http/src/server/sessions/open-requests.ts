import {
  type Clock,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type ProgressToken,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import { Burst, CANCELLED_METHOD, INITIALIZE_METHOD, PROGRESS_METHOD } from '@mcpwire/core/authoring'
import { isTaskPoll } from '../request/message-body.js'
import type { PrincipalUsage } from '../request/session-eviction.js'
import type { PendingRequest, PostResponse } from '../responses/post-response.js'

/** The metadata of each message that belongs to a task (2025-11-25, Tasks). */
const RELATED_TASK_KEY = 'io.modelcontextprotocol/related-task'
const MAX_TASK_TOKENS = 1_000

/** The requests of a client that await their response, and the response that carries each message of the application. */
export class OpenRequests {
  readonly #usage: PrincipalUsage
  readonly #requests = new Map<RequestId, PendingRequest>()
  /** The response that carried a request of the application. Its cancellation goes the same way. */
  #sentOn: Map<RequestId, PostResponse> | undefined
  /** The progress tokens of answered requests whose tasks go on. */
  #taskTokens: Set<ProgressToken> | undefined

  /** Messages of requests that are answered or cancelled. */
  readonly #dropped: Burst

  constructor(usage: PrincipalUsage, clock: Clock, report: (error: Error) => void) {
    this.#usage = usage
    this.#dropped = new Burst(clock, (count) => {
      report(requestFinished(`dropped ${count} message${count === 1 ? '' : 's'}`))
    })
  }

  get size(): number {
    return this.#requests.size
  }

  has(id: RequestId): boolean {
    return this.#requests.has(id)
  }

  get(id: RequestId): PendingRequest | undefined {
    return this.#requests.get(id)
  }

  add(request: PendingRequest): void {
    this.#requests.set(request.id, request)
    this.#usage.inFlight++
  }

  /** Removes a request that is answered or cancelled. */
  delete({ id, isTask, progressToken }: PendingRequest): void {
    if (!this.#requests.delete(id)) return
    this.#usage.inFlight--
    if (!isTask || progressToken === undefined) return
    this.#taskTokens ??= new Set()
    this.#taskTokens.add(progressToken)
    const [oldest] = this.#taskTokens
    if (this.#taskTokens.size > MAX_TASK_TOKENS && oldest !== undefined) this.#taskTokens.delete(oldest)
  }

  /** The responses of all requests, without duplicates. */
  responses(): ReadonlySet<PostResponse> {
    return new Set([...this.#requests.values()].map(({ response }) => response))
  }

  clear(): void {
    this.#usage.inFlight -= this.#requests.size
    this.#requests.clear()
    this.#dropped.stop()
    this.#sentOn = undefined
  }

  /** Drops a message of a request that is answered or cancelled. Rejects where the application awaits a response. */
  drop(message: JsonRpcMessage): Promise<void> {
    if (isRequest(message)) return Promise.reject(requestFinished(`cannot send ${message.method}`))
    this.#dropped.add()
    return Promise.resolve()
  }

  /** A message of the client arrived. */
  received(message: JsonRpcMessage): void {
    if (isResponse(message) && message.id !== undefined) this.#sentOn?.delete(message.id)
  }

  /** A request of the application is sent on a response. */
  sentOn(response: PostResponse, id: RequestId): void {
    this.#sentOn ??= new Map()
    this.#sentOn.set(id, response)
  }

  /** The request that the client cancels: it gets no response (GEN-28). */
  cancelledBy(message: JsonRpcMessage): PendingRequest | undefined {
    if (!('method' in message) || message.method !== CANCELLED_METHOD) return undefined
    const request = this.#requests.get(message.params?.['requestId'] as RequestId)
    // A client must not cancel `initialize` (GEN-26). It would lose its session.
    return request?.method === INITIALIZE_METHOD ? undefined : request
  }

  /**
   * The response that carries a message: that of the request it belongs to, or the only one. `finished` where it belongs
   * to a request that is answered or cancelled: elsewhere the client could not know it.
   */
  carrierOf(message: JsonRpcMessage, related: RequestId | undefined): PostResponse | 'finished' | undefined {
    const { method, params } = message as { method: string; params?: Record<string, unknown> }
    if (related !== undefined) {
      return this.#requests.get(related)?.response ?? (isOfTask(message) ? undefined : 'finished')
    }
    if (method === PROGRESS_METHOD) {
      const token = params?.['progressToken'] as ProgressToken | undefined
      for (const { progressToken, response } of this.#requests.values()) {
        if (progressToken !== undefined && progressToken === token) return response
      }
      if (token !== undefined && !this.#taskTokens?.has(token) && !isOfTask(message)) return 'finished'
    }
    if (method === CANCELLED_METHOD) {
      const id = params?.['requestId'] as RequestId
      const sentOn = this.#sentOn?.get(id)
      this.#sentOn?.delete(id)
      if (sentOn) return sentOn
    }
    if (this.#requests.size !== 1) return undefined
    const [only] = this.#requests.values()
    return isTaskPoll(only) ? undefined : only?.response
  }
}

function requestFinished(what: string): Error {
  const message = `${what}: the request it belongs to is answered or cancelled`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' })
}

function isOfTask(message: JsonRpcMessage): boolean {
  if (!('method' in message)) return false
  const meta: unknown = message.params?._meta
  return typeof meta === 'object' && meta !== null && Object.hasOwn(meta, RELATED_TASK_KEY)
}

/** Whether a message belongs to one request, and not to the session. */
export function belongsToRequest(message: JsonRpcMessage, related: RequestId | undefined): boolean {
  return (
    related !== undefined ||
    (!isRequest(message) && 'method' in message && message.method === PROGRESS_METHOD)
  )
}
