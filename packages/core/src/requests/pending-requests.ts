import type { Clock, Deadline } from '../contract/clock.js'
import { TransportError } from '../contract/errors.js'
import {
  isErrorResponse,
  type JsonRpcResponse,
  type MessageParams,
  type RequestId,
} from '../contract/message.js'
import { JsonRpcError } from '../messages/json-rpc-error.js'
import { isThenable } from '../timing/promises.js'

/** What a request that succeeded was answered. */
export type JsonRpcResult = Extract<JsonRpcResponse, { result: unknown }>['result']

/** How long to wait for an answer. */
export interface GracePeriod {
  readonly timeoutMs: number
  readonly maxTotalTimeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((params: MessageParams) => void) | undefined
  readonly resetTimeoutOnProgress: boolean
}

interface Waiting {
  readonly resolve: (result: JsonRpcResult) => void
  readonly reject: (reason: unknown) => void
  readonly progressed: (params: MessageParams) => void
  readonly stop: () => void
}

/** The requests of one side that await their response. Every one settles exactly once and leaves nothing behind. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #waiting = new Map<RequestId, Waiting>()

  readonly #progressFailed: (error: unknown) => void

  constructor(clock: Clock, progressFailed: (error: unknown) => void) {
    this.#clock = clock
    this.#progressFailed = progressFailed
  }

  /** Settles as the request does. `abandon` is called with the reason where the wait ends before an answer. */
  wait(
    id: RequestId,
    method: string,
    patience: GracePeriod,
    abandon: (reason: unknown) => void,
  ): Promise<JsonRpcResult> {
    const { timeoutMs, maxTotalTimeoutMs, signal, onProgress, resetTimeoutOnProgress } = patience
    return new Promise((resolve, reject) => {
      const lastMoment = this.#clock.now() + maxTotalTimeoutMs
      const giveUp = (reason: unknown): void => {
        if (!this.#take(id)) return
        reject(reason)
        abandon(reason)
      }
      const abort = (): void => giveUp(signal?.reason)
      const deadline: Deadline = this.#clock.deadline(Math.min(timeoutMs, maxTotalTimeoutMs), () => {
        giveUp(timeoutError(method, this.#clock.now() < lastMoment ? timeoutMs : maxTotalTimeoutMs))
      })
      const progressed = (params: MessageParams): void => {
        if (resetTimeoutOnProgress) deadline.reset(Math.min(timeoutMs, lastMoment - this.#clock.now()))
        const result: unknown = onProgress?.(params)
        if (isThenable(result)) result.then(undefined, this.#progressFailed)
      }
      const stop = (): void => {
        deadline[Symbol.dispose]()
        signal?.removeEventListener('abort', abort)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.set(id, { resolve, reject, progressed, stop })
    })
  }

  /** Whether somebody waited for this response. */
  settle(id: RequestId, response: JsonRpcResponse): boolean {
    const waiting = this.#take(id)
    if (!waiting) return false
    if (isErrorResponse(response)) {
      const { code, message, data } = response.error
      waiting.reject(new JsonRpcError(code, message, data))
    } else waiting.resolve(response.result)
    return true
  }

  reject(id: RequestId, reason: unknown): void {
    this.#take(id)?.reject(reason)
  }

  rejectAll(reason: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.reject(id, reason)
  }

  /** Whether the progress is that of a request that still waits. Throws what its `onProgress` throws. */
  progressed(id: RequestId, params: MessageParams): boolean {
    const waiting = this.#waiting.get(id)
    waiting?.progressed(params)
    return waiting !== undefined
  }

  #take(id: RequestId): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    if (!waiting) return undefined
    this.#waiting.delete(id)
    waiting.stop()
    return waiting
  }
}

function timeoutError(method: string, timeoutMs: number): TransportError {
  const message = `no answer to ${method} within ${timeoutMs} ms`
  return new TransportError('REQUEST_TIMEOUT', message, { method, timeoutMs })
}
