import type { ClientContext } from './client-context.js'

/** The progress of a request. */
export interface RequestProgress {
  /** Whether part of it may have reached the server. */
  readonly isSent: boolean
}

/**
 * Limits how long the server takes. The time of `auth` and other callbacks does not count: they have limits of their own.
 * A pause counts only for a request that is sent, whose response does not depend on it.
 */
export class ServerDeadline implements Disposable {
  readonly #context: ClientContext
  readonly #timeoutMs: number
  readonly #onTimeout: () => void
  readonly #request: RequestProgress | undefined
  #deadline: Disposable | undefined
  #endsAtMs = 0
  #suspendedLeftMs: number | undefined
  #isOver = false

  constructor(
    context: ClientContext,
    timeoutMs: number,
    onTimeout: () => void,
    request?: RequestProgress | undefined,
  ) {
    this.#context = context
    this.#timeoutMs = timeoutMs
    this.#onTimeout = onTimeout
    this.#request = request
    this.#wait(timeoutMs)
  }

  /** The rest of the time in milliseconds. */
  get leftMs(): number {
    return this.#suspendedLeftMs ?? Math.max(this.#endsAtMs - this.#context.clock.now(), 0)
  }

  /** Starts the whole time again. */
  restart(): void {
    this.#suspendedLeftMs = undefined
    this.#wait(this.#timeoutMs)
  }

  /** Stops the time until `resume()`: something with a limit of its own is due. */
  suspend(): void {
    this.#suspendedLeftMs = this.leftMs
    this.#deadline?.[Symbol.dispose]()
  }

  resume(): void {
    const leftMs = this.#suspendedLeftMs
    if (leftMs === undefined) return
    this.#suspendedLeftMs = undefined
    this.#wait(leftMs)
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#deadline?.[Symbol.dispose]()
  }

  #wait(ms: number): void {
    if (this.#isOver) return
    const { clock } = this.#context
    this.#deadline?.[Symbol.dispose]()
    this.#endsAtMs = clock.now() + ms
    this.#deadline = clock.deadline(ms, () => this.#expired())
  }

  #expired(): void {
    const { authorization, pauseState, clock } = this.#context
    const isSent = this.#request?.isSent ?? false
    const renewing = isSent ? undefined : authorization?.renewing
    const leftMs = isSent ? 0 : pauseState.pausedAtMs + this.#timeoutMs - clock.now()
    if (renewing)
      renewing.then(
        () => this.restart(),
        () => this.restart(),
      )
    else if (leftMs > 0) this.#wait(leftMs)
    else this.#onTimeout()
  }
}
