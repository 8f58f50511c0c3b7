import { type Clock, TransportError } from '@mcpwire/core'

/** Whether the application has paused the arrival of messages. Applies to new responses as well. */
export class PauseState {
  isPaused = false
  readonly #clock: Clock
  #resumedAtMs = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The end of the last pause by the clock; now during one. Until then no server counts as silent. */
  get pausedAtMs(): number {
    return this.isPaused ? this.#clock.now() : this.#resumedAtMs
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.#resumedAtMs = this.#clock.now()
  }
}

/** A stream with a limit on its silence. */
export interface WatchedStream {
  /** When the last bytes arrived, by the clock. */
  readonly activeAtMs: number
  /** The stream was silent for too long. */
  readonly idle: () => void
}

/** Watches all streams of one client with one deadline, and with none while there is no stream. */
export class IdleWatch {
  readonly timeoutMs: number
  readonly #clock: Clock
  readonly #pauseState: PauseState | undefined
  readonly #streams: Set<WatchedStream> = new Set()
  readonly #fresh: Set<WatchedStream> = new Set()
  #deadline: Disposable | undefined

  /** With a pause state, a pause does not count as silence. */
  constructor(clock: Clock, timeoutMs: number, pauseState?: PauseState) {
    this.#clock = clock
    this.#pauseState = pauseState
    this.timeoutMs = timeoutMs
  }

  add(stream: WatchedStream): void {
    if (this.#fresh.size === 0) queueMicrotask(() => this.#watchFresh())
    this.#fresh.add(stream)
  }

  delete(stream: WatchedStream): void {
    if (this.#fresh.delete(stream) || !this.#streams.delete(stream) || this.#streams.size > 0) return
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = undefined
  }

  /** Removes every stream. */
  stop(): void {
    this.#fresh.clear()
    this.#streams.clear()
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = undefined
  }

  /** Most streams are over after a microtask: the response to a request often arrives in one piece. */
  #watchFresh(): void {
    if (this.#fresh.size === 0) return
    for (const stream of this.#fresh) this.#streams.add(stream)
    this.#fresh.clear()
    this.#deadline ??= this.#clock.deadline(this.timeoutMs, () => this.#check())
  }

  /** The error for a silent stream. */
  silence(address: string): TransportError {
    const message = `${address} sent no part of a response within streamIdleTimeoutMs (${this.timeoutMs} ms)`
    return new TransportError('PEER_LOST', message, { address })
  }

  #check(): void {
    this.#deadline = undefined
    const pausedAtMs = this.#pauseState?.pausedAtMs ?? -Infinity
    let earliest = Infinity
    for (const stream of [...this.#streams]) {
      const leftMs = Math.max(stream.activeAtMs, pausedAtMs) + this.timeoutMs - this.#clock.now()
      if (leftMs > 0) earliest = Math.min(earliest, leftMs)
      else {
        this.#streams.delete(stream)
        stream.idle()
      }
    }
    if (this.#streams.size > 0) this.#deadline ??= this.#clock.deadline(earliest, () => this.#check())
  }
}
