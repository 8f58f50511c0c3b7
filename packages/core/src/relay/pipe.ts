import type { Clock } from '../contract/clock.js'
import { toError } from '../contract/errors.js'
import { callback, clock, inRange, integer, optional } from '../contract/option-rules.js'
import { type OptionDefaults, type OptionSettings, options } from '../contract/option-table.js'
import { invalidOption } from '../contract/options.js'
import type { TransportLike } from '../contract/transport.js'
import { guarded, ignore } from '../timing/promises.js'
import { closedError, closedWhileConnecting } from '../transport/transport-errors.js'
import { PipeDirection } from './pipe-direction.js'

/** Options of a pipe. */
export interface PipeOptions {
  /** Hears what goes wrong at either end without ending the conversation, and what ended it. */
  onError?: ((error: Error, side: 'a' | 'b') => void) | undefined
  /**
   * How many sends towards one end may be pending before the other is paused, where it has a `flow`. It continues
   * when half of them are.
   * @defaultValue 64
   */
  maxPendingSends?: number | undefined
  /**
   * How long one end may take to accept what is still to be sent to it after the other has ended, in milliseconds.
   * @defaultValue 2_000
   */
  drainTimeoutMs?: number | undefined
  /**
   * Where deadlines come from.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const table = options<PipeOptions, 'onError'>({
  onError: optional(callback()),
  maxPendingSends: integer(1, Infinity, 64),
  drainTimeoutMs: inRange(0, Infinity, 2_000),
  clock: clock(),
})

/** The defaults of `pipe`. */
export const pipeDefaults: OptionDefaults<PipeOptions, 'onError'> = table.defaults

/** What the client of a conversation never got. */
export interface PipeMissing {
  /** How many of its requests the server did not answer. Those that listen are left out: only their end answers them. */
  readonly answers: number
  /** How many messages were for it and not taken. */
  readonly messages: number
}

/** Two transports that are one conversation. */
export interface Pipe extends AsyncDisposable {
  /** What `a` never got, known once `closed` has settled. */
  readonly missing: PipeMissing
  /** Settles once both ends have ended, with why the first of them did unless that was orderly. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** Ends both. Idempotent, never rejects. */
  close(options?: { reason?: Error | undefined }): Promise<void>
}

/**
 * Makes one conversation of two transports, neither started before: `a` faces the client, `b` the server. Starts
 * `b`, then `a`; when one cannot be started the other is closed with that reason. Both then belong to the pipe.
 *
 * - Messages cross in order, with their ids, and the very objects, so that `encodedOf` still knows their bytes.
 * - When one end is over, requests it had not answered are answered −31002, the rest of what it said is delivered,
 *   and the other end is closed, with the same reason.
 * - What finds the other end full waits for room, in its order, while its sender is paused; of one that cannot be
 *   paused, at most `maxPendingSends` messages.
 * - A request that cannot be passed on is answered with an error, −31003 where the transport is overloaded.
 * - `notifications/cancelled` aborts the `requestSignal` of the request where that is how the medium cancels.
 * - Progress, responses and messages of a subscription go out with the `relatedRequestId` they name. Requests of a
 *   server do not name one.
 *
 * @throws TransportError `INVALID_OPTION` when an end is one of ours and was started before
 */
export function pipe(a: TransportLike, b: TransportLike, given: PipeOptions = {}): Pipe {
  const settings = table.read(given)
  requireIdle('a', a)
  requireIdle('b', b)
  return new TransportPipe(a, b, settings)
}

function requireIdle(name: string, transport: TransportLike): void {
  if ('state' in transport && transport.state !== 'idle') {
    invalidOption(name, transport, 'a transport that was not started before')
  }
}

type Settings = OptionSettings<PipeOptions, 'onError'>

/** One end, and the directions towards and from it. */
interface End {
  readonly side: 'a' | 'b'
  readonly transport: TransportLike
  readonly towards: PipeDirection
  readonly from: PipeDirection
  state: 'idle' | 'starting' | 'open' | 'over'
  /** That one of others ended while starting, which its `start()` may not know. */
  hungUp: boolean
}

class TransportPipe implements Pipe {
  readonly closed: Promise<Error | undefined>
  readonly #settings: Settings
  readonly #a: End
  readonly #b: End
  #settleClosed!: (reason: Error | undefined) => void
  /** Why the first end to be over was, or why `close()` was called. */
  #reason: { readonly error: Error | undefined } | undefined

  constructor(a: TransportLike, b: TransportLike, settings: Settings) {
    const { maxPendingSends } = settings
    this.#settings = settings
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    const up = new PipeDirection(a, b, { maxPendingSends, report: (error) => this.#report(error, 'b') })
    const down = new PipeDirection(b, a, { maxPendingSends, report: (error) => this.#report(error, 'a') })
    up.back = down
    down.back = up
    this.#a = this.#watch({ side: 'a', transport: a, towards: down, from: up, state: 'idle', hungUp: false })
    this.#b = this.#watch({ side: 'b', transport: b, towards: up, from: down, state: 'idle', hungUp: false })
    void this.#run()
  }

  get missing(): PipeMissing {
    return { answers: this.#a.from.unanswered, messages: this.#a.towards.undelivered }
  }

  async close(options: { reason?: Error | undefined } = {}): Promise<void> {
    this.#reason ??= { error: options.reason }
    for (const end of [this.#a, this.#b]) {
      end.from.stop()
      void this.#closeEnd(end, options.reason)
    }
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #watch(end: End): End {
    const { transport, side, from } = end
    transport.onmessage = (message) => from.carry(message)
    transport.onerror = (error) => this.#report(error, side)
    transport.onclose = () => {
      const { closed } = transport as { closed?: Promise<Error | undefined> }
      if (closed) void closed.then((reason) => this.#ended(end, reason))
      // Of others than our own the end itself is all that is known, or what `start()` rejects with.
      else if (end.state === 'starting') end.hungUp = true
      else this.#ended(end, undefined)
    }
    return end
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    if (await this.#start(this.#b)) await this.#start(this.#a)
  }

  async #start(end: End): Promise<boolean> {
    if (this.#reason) return false
    end.state = 'starting'
    try {
      await end.transport.start()
      if (end.hungUp) throw closedWhileConnecting()
    } catch (error) {
      this.#ended(end, toError(error))
      return false
    }
    if (end.state !== 'starting') return false
    end.state = 'open'
    end.towards.open()
    return true
  }

  #ended(end: End, reason: Error | undefined): void {
    if (end.state === 'over') return
    end.state = 'over'
    const other = end === this.#a ? this.#b : this.#a
    this.#reason ??= { error: reason }
    end.towards.lost(closedError(reason))
    if (other.state === 'over') this.#settleClosed(this.#reason.error)
    else void this.#closeAfterRest(other, reason)
  }

  /** Closes the end once everything for it was sent, or takes too long to be. Never rejects. */
  async #closeAfterRest(end: End, reason: Error | undefined): Promise<void> {
    if (end.state !== 'idle') {
      await new Promise<void>((resolve) => {
        const patience = this.#settings.clock.deadline(this.#settings.drainTimeoutMs, resolve)
        void end.towards.idle().then(() => {
          patience[Symbol.dispose]()
          resolve()
        })
      })
    }
    await this.#closeEnd(end, reason)
  }

  async #closeEnd(end: End, reason: Error | undefined): Promise<void> {
    // Those that are not ours take no options and need none.
    const close: (options: { reason?: Error | undefined }) => Promise<void> = end.transport.close
    try {
      await close.call(end.transport, { reason })
    } catch (error) {
      this.#report(toError(error), end.side)
    }
    this.#ended(end, reason)
  }

  #report(error: Error, side: 'a' | 'b'): void {
    // There is nobody left to tell when the one who listens for errors fails.
    guarded(() => this.#settings.onError?.(error, side), ignore)
  }
}
