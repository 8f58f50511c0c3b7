import type { Clock } from '../contract/clock.js'
import { ignore, isThenable } from '../timing/promises.js'
import { whenAborted } from '../timing/when-aborted.js'

/** The time limit of a decision. */
export interface DecisionLimits {
  readonly gateTimeoutMs: number
  readonly clock: Clock
}

/** What decides: a gate or a session policy. */
export interface Decider<T> {
  /** Its name for errors, such as `the gate`. */
  readonly name: string
  /** Whether it takes no signal, so that several decisions can share one. */
  readonly takesNoSignal: boolean
  readonly decide: (signal: AbortSignal) => T | PromiseLike<T>
  /** Releases a decision that came too late. */
  readonly late?: ((result: T) => void) | undefined
}

/** A controller without a user, for deciders that take no signal and return immediately. */
let spareController: AbortController | undefined

/**
 * The decision, unless the signal or `gateTimeoutMs` comes first. The signal of the decider then aborts. Throws or rejects
 * with what the decider throws, with `signal.reason`, or with the error of the timeout.
 */
export function decisionOf<T>(
  decider: Decider<T>,
  limits: DecisionLimits,
  signal: AbortSignal,
): T | Promise<T> {
  signal.throwIfAborted()
  const { takesNoSignal } = decider
  const controller = (takesNoSignal ? spareController : undefined) ?? new AbortController()
  if (takesNoSignal) spareController = undefined
  const result = decider.decide(controller.signal)
  if (isThenable(result)) return withTimeout(decider, result, { controller, limits, signal })
  if (takesNoSignal) spareController = controller
  return result
}

interface PendingDecision {
  readonly controller: AbortController
  readonly limits: DecisionLimits
  readonly signal: AbortSignal
}

function withTimeout<T>(
  { name, late }: Decider<T>,
  result: PromiseLike<T>,
  { controller, limits: { clock, gateTimeoutMs }, signal }: PendingDecision,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const cancel = (reason: unknown): void => {
      isLate = true
      release()
      reject(reason)
      controller.abort(reason)
    }
    const deadline = clock.deadline(gateTimeoutMs, () => {
      cancel(new Error(`${name} did not decide within gateTimeoutMs (${gateTimeoutMs} ms)`))
    })
    const abort = (): void => cancel(signal.reason)
    const release = (): void => {
      deadline[Symbol.dispose]()
      unsubscribe()
    }
    const unsubscribe = whenAborted(signal, abort)
    Promise.resolve(result)
      .then(
        (decision) => {
          if (isLate) late?.(decision)
          else {
            release()
            resolve(decision)
          }
        },
        (error: unknown) => {
          if (isLate) return
          release()
          reject(error)
        },
      )
      .catch(ignore)
    // The decider itself may have aborted the signal.
    if (signal.aborted && !isLate) abort()
  })
}
