/*
 * A pipe starts `b`, then `a`. Each end has the states idle, starting, open, over.
 *
 *   a --messages--> PipeDirection up ----> b      up.back = down, which forwards the responses
 *   a <------------ PipeDirection down --- b
 *
 * Before an end is open, its direction holds the messages. When one end is over:
 *   1. its pending requests get an error response (closed),
 *   2. the other end receives the rest of its messages, within drainTimeoutMs (idle),
 *   3. the other end is closed with the same reason. When both are over, `closed` settles.
 */
import type { ByteBudget } from '../contract/byte-budget.js'
import type { Clock } from '../contract/clock.js'
import { TransportError, toError } from '../contract/errors.js'
import {
  callback,
  clock,
  inRange,
  integer,
  objectWith,
  optional,
  requireTransport,
} from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, type OptionSettings, options } from '../contract/option-table.js'
import { invalidOption } from '../contract/options.js'
import type { Peer, TransportLike } from '../contract/transport.js'
import { guarded, ignore } from '../timing/promises.js'
import { closedError, closedWhileStarting } from '../transport/transport-errors.js'
import { PipeDirection } from './pipe-direction.js'

/** Options of a pipe. */
export interface PipeOptions {
  /** Called with each error of either end, and with the error that ends the conversation. */
  onError?: ((error: Error, side: 'a' | 'b') => void) | undefined
  /**
   * Returns the text of an error about `b` for the error responses to `a`, if `a` is over stdio: the own client. Without
   * it, that is the message of the error. A client on the network receives no text.
   * @defaultValue undefined
   */
  describeError?: ((error: Error) => string) | undefined
  /**
   * Most pending sends towards one end. Beyond it, the other end is paused, where it has a `flow`. It is resumed at
   * half of them.
   * @defaultValue 64
   */
  maxPendingSends?: number | undefined
  /**
   * Most bytes of the messages that one end has not accepted, as objects in memory. Beyond it, the other end is paused,
   * where it has a `flow`. Otherwise its requests are answered with −31003. One message may exceed it.
   * @defaultValue 16_777_216
   */
  maxPendingBytes?: number | undefined
  /**
   * The budget that these messages count in, such as that of the listener. At its limit, messages that wait are dropped:
   * requests are answered with −31003, others reported. If that does not help, the conversation ends with `OVERLOADED`.
   * @defaultValue undefined
   */
  budget?: ByteBudget | undefined
  /**
   * Longest time for one end to accept its remaining messages after the other has ended, in milliseconds.
   * @defaultValue 2_000
   */
  drainTimeoutMs?: number | undefined
  /**
   * The source of time for deadlines.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

type OptionalMember = 'onError' | 'describeError' | 'budget'

const table = options<PipeOptions, OptionalMember>({
  onError: optional(callback()),
  describeError: optional(callback()),
  maxPendingSends: integer(1, Infinity, 64),
  maxPendingBytes: integer(1, Infinity, 16_777_216),
  budget: optional(objectWith<ByteBudget>(['open'], 'a ByteBudget')),
  drainTimeoutMs: inRange(0, Infinity, 2_000),
  clock: clock(),
})

/** The defaults of `pipe`. */
export const pipeDefaults: OptionDefaults<PipeOptions, OptionalMember> = /* @__PURE__ */ defaultsOf(table)

/** The losses of the client side of a pipe. */
export interface PipeMissing {
  /** The number of its requests without a response. Subscriptions do not count: their response marks their end. */
  readonly responses: number
  /** The number of messages that it has not accepted. */
  readonly messages: number
}

/** Two transports that form one conversation. */
export interface Pipe extends AsyncDisposable {
  /** The losses of `a`. Final once `closed` has settled. */
  readonly missing: PipeMissing
  /** Settles when both ends have ended, with the reason of the first unless its end was orderly. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** Closes both ends. Idempotent, never rejects. */
  close(options?: { reason?: Error | undefined }): Promise<void>
}

/**
 * Connects two idle transports to one conversation: `a` is the client side, `b` the server side. The pipe owns both. It
 * starts `b`, then `a`. If one cannot be started, the other is closed with the same reason.
 *
 * - Messages keep their order, their ids and their objects, so that `encodedOf` returns their bytes.
 * - When one end closes, its pending requests are answered with −31002. `data.delivery` is `none` for those that were not
 *   sent. Its remaining messages are delivered. Then the other end is closed with the same reason.
 * - Messages for a full end wait, in order, and the sender is paused. For a sender without `flow`, at most
 *   `maxPendingSends` messages and `maxPendingBytes` bytes wait.
 * - A request that cannot be forwarded is answered with an error: −31003 where the transport is overloaded.
 * - `notifications/cancelled` aborts the `requestSignal` of the request where the medium cancels by it.
 * - Progress, responses and subscription messages are sent with the `relatedRequestId` that they name. Requests of a
 *   server name none.
 *
 * @throws TransportError `INVALID_OPTION` when an end was started before
 *
 * @example
 * ```ts
 * const piped = pipe(stdioServer(), tcpClient({ port: 7000 }), { onError: console.error })
 * await piped.closed
 * ```
 */
export function pipe(a: TransportLike, b: TransportLike, given: PipeOptions = {}): Pipe {
  const settings = table.read(given)
  requireIdle('a', a)
  requireIdle('b', b)
  return new TransportPipe(a, b, settings)
}

function requireIdle(name: string, transport: TransportLike): void {
  requireTransport(name, transport)
  if ('state' in transport && transport.state !== 'idle') {
    invalidOption(name, transport, 'a transport that is not started')
  }
}

type Settings = OptionSettings<PipeOptions, OptionalMember>

/** One end, and the directions towards and from it. */
interface End {
  readonly side: 'a' | 'b'
  readonly transport: TransportLike
  readonly towards: PipeDirection
  readonly from: PipeDirection
  state: 'idle' | 'starting' | 'open' | 'over'
  /** Whether a foreign transport closed during `start()`, which its `start()` may not report. */
  closedWhileStarting: boolean
}

class TransportPipe implements Pipe {
  readonly closed: Promise<Error | undefined>
  readonly #settings: Settings
  readonly #a: End
  readonly #b: End
  #settleClosed!: (reason: Error | undefined) => void
  /** The reason of the first end, or of `close()`. */
  #reason: { readonly error: Error | undefined } | undefined

  constructor(a: TransportLike, b: TransportLike, settings: Settings) {
    const { maxPendingSends, maxPendingBytes, budget, describeError } = settings
    const limits = { maxPendingSends, maxPendingBytes, budget }
    this.#settings = settings
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    const up = new PipeDirection(a, b, {
      ...limits,
      report: (error) => this.#report(error, 'b'),
      overloaded: (error) => this.#endOverloaded(this.#b, error),
    })
    const down = new PipeDirection(b, a, {
      ...limits,
      overloaded: (error) => this.#endOverloaded(this.#a, error),
      report: (error) => this.#report(error, 'a'),
      describeError,
    })
    up.back = down
    down.back = up
    this.#a = this.#observe({
      side: 'a',
      transport: a,
      towards: down,
      from: up,
      state: 'idle',
      closedWhileStarting: false,
    })
    this.#b = this.#observe({
      side: 'b',
      transport: b,
      towards: up,
      from: down,
      state: 'idle',
      closedWhileStarting: false,
    })
    void this.#run()
  }

  get missing(): PipeMissing {
    return { responses: this.#a.from.unanswered, messages: this.#a.towards.undelivered }
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

  #observe(end: End): End {
    const { transport, side, from } = end
    transport.onmessage = (message) => from.forward(message)
    transport.onerror = (error) => this.#report(error, side)
    transport.onclose = () => {
      const { closed } = transport as { closed?: Promise<Error | undefined> }
      if (closed) void closed.then((reason) => this.#ended(end, reason))
      // A foreign transport reports no reason, except with the rejection of `start()`.
      else if (end.state === 'starting') end.closedWhileStarting = true
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
      if (end.closedWhileStarting) throw closedWhileStarting()
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
    end.towards.closed(closedError(reason))
    if (other.state === 'over') this.#settleClosed(this.#reason.error)
    else void this.#drainAndClose(other, reason)
  }

  /** Closes the end when all its messages are sent, or after `drainTimeoutMs`. Never rejects. */
  async #drainAndClose(end: End, reason: Error | undefined): Promise<void> {
    if (end.state !== 'idle') {
      await new Promise<void>((resolve) => {
        const deadline = this.#settings.clock.deadline(this.#settings.drainTimeoutMs, () => {
          this.#reportUndelivered(end)
          resolve()
        })
        void end.towards.idle().then(() => {
          deadline[Symbol.dispose]()
          resolve()
        })
      })
    }
    await this.#closeEnd(end, reason)
  }

  /** The end does not accept its messages, and the budget needs their memory. */
  #endOverloaded(end: End, error: Error): void {
    this.#reason ??= { error }
    void this.#closeEnd(end, error)
  }

  /** The other side has ended, and this one does not take the rest of its messages. */
  #reportUndelivered({ towards, side, transport }: End): void {
    const count = towards.undelivered
    if (count === 0) return
    const { drainTimeoutMs } = this.#settings
    const { peer } = transport as { peer?: Peer | undefined }
    const what = count === 1 ? '1 message' : `${count} messages`
    const message = `${peer?.address ?? side} did not accept ${what} within drainTimeoutMs (${drainTimeoutMs} ms)`
    const advice = { option: 'drainTimeoutMs', hint: 'raise it for a peer that reads slowly' }
    this.#report(new TransportError('SEND_FAILED', message, { delivery: 'unknown', ...advice }), side)
  }

  async #closeEnd(end: End, reason: Error | undefined): Promise<void> {
    // Foreign transports ignore the options.
    const close: (options: { reason?: Error | undefined }) => Promise<void> = end.transport.close
    try {
      await close.call(end.transport, { reason })
    } catch (error) {
      this.#report(toError(error), end.side)
    }
    this.#ended(end, reason)
  }

  #report(error: Error, side: 'a' | 'b'): void {
    // A failure of the error callback cannot be reported.
    guarded(() => this.#settings.onError?.(error, side), ignore)
  }
}
