import type { Clock, Deadline } from '../contract/clock.js'
import { TransportError } from '../contract/errors.js'
import {
  isErrorResponse,
  type JsonRpcResponse,
  type MessageParams,
  type RequestId,
} from '../contract/message.js'
import { JsonRpcError } from '../messages/json-rpc-error.js'
import { isThenable, onAbort } from '../timing/promises.js'

/** The result of a successful response. */
export type JsonRpcResult = Extract<JsonRpcResponse, { result: unknown }>['result']

/** The time limits and callbacks of a pending request. */
export interface RequestLimits {
  readonly timeoutMs: number
  readonly maxTotalTimeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((params: MessageParams) => void) | undefined
  readonly resetTimeoutOnProgress: boolean
}

interface PendingRequest {
  readonly resolve: (result: JsonRpcResult) => void
  readonly reject: (reason: unknown) => void
  readonly progressed: (params: MessageParams) => void
  readonly stop: () => void
}

/** The pending requests of one side. Each settles exactly once and releases its timer and listener. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #pending = new Map<RequestId, PendingRequest>()

  readonly #progressFailed: (error: unknown) => void

  constructor(clock: Clock, progressFailed: (error: unknown) => void) {
    this.#clock = clock
    this.#progressFailed = progressFailed
  }

  /** Settles with the response. `cancel` is called with the reason where the wait ends before it. */
  wait(
    id: RequestId,
    method: string,
    limits: RequestLimits,
    cancel: (reason: unknown) => void,
  ): Promise<JsonRpcResult> {
    const { timeoutMs, maxTotalTimeoutMs, signal, onProgress, resetTimeoutOnProgress } = limits
    return new Promise((resolve, reject) => {
      const latest = this.#clock.now() + maxTotalTimeoutMs
      const end = (reason: unknown): void => {
        if (!this.#take(id)) return
        reject(reason)
        cancel(reason)
      }
      const deadline: Deadline = this.#clock.deadline(Math.min(timeoutMs, maxTotalTimeoutMs), () => {
        end(timeoutError(method, this.#clock.now() < latest ? timeoutMs : maxTotalTimeoutMs))
      })
      const progressed = (params: MessageParams): void => {
        if (resetTimeoutOnProgress) deadline.reset(Math.min(timeoutMs, latest - this.#clock.now()))
        const result: unknown = onProgress?.(params)
        if (isThenable(result)) result.then(undefined, this.#progressFailed)
      }
      const stop = (): void => {
        deadline[Symbol.dispose]()
        unsubscribe()
      }
      const unsubscribe = onAbort(signal, () => end(signal?.reason))
      this.#pending.set(id, { resolve, reject, progressed, stop })
    })
  }

  /** Settles a request with its response. Returns whether there was one. */
  settle(id: RequestId, response: JsonRpcResponse): boolean {
    const pending = this.#take(id)
    if (!pending) return false
    if (isErrorResponse(response)) {
      const { code, message, data } = response.error
      pending.reject(new JsonRpcError(code, message, data))
    } else pending.resolve(response.result)
    return true
  }

  reject(id: RequestId, reason: unknown): void {
    this.#take(id)?.reject(reason)
  }

  rejectAll(reason: unknown): void {
    for (const id of [...this.#pending.keys()]) this.reject(id, reason)
  }

  /** Passes progress to its request. Returns whether there was one. Throws the error of its `onProgress`. */
  progressed(id: RequestId, params: MessageParams): boolean {
    const pending = this.#pending.get(id)
    pending?.progressed(params)
    return pending !== undefined
  }

  #take(id: RequestId): PendingRequest | undefined {
    const pending = this.#pending.get(id)
    if (!pending) return undefined
    this.#pending.delete(id)
    pending.stop()
    return pending
  }
}

function timeoutError(method: string, timeoutMs: number): TransportError {
  const message = `no response to ${method} within ${timeoutMs} ms`
  return new TransportError('REQUEST_TIMEOUT', message, { method, timeoutMs })
}
