import type { Gate, Handshake, Refusal, Verdict } from '@mcpwire/core'
import {
  callback,
  checkVerdict,
  defaultsOf,
  guarded,
  ignore,
  type OptionDefaults,
  optional,
  optionError,
  options,
  requireGate,
  toError,
} from '@mcpwire/core/authoring'

/** Options of `anyOf`. */
export interface AnyOfOptions {
  /**
   * Called with the error of each gate that fails. Without an admission, `onerror` of the listener is called too.
   * @defaultValue undefined
   */
  onError?: ((error: Error) => void) | undefined
}

const table = options<AnyOfOptions, 'onError'>({ onError: optional(callback()) })

/** Defaults of the options of `anyOf`. */
export const anyOfDefaults: OptionDefaults<AnyOfOptions, 'onError'> = /* @__PURE__ */ defaultsOf(table)

/**
 * Makes a gate that admits a caller if one gate admits it. The gates are called in order, and the first admission is final.
 * `admitMessage` is that of the gate that has admitted the caller.
 *
 * If all gates refuse, the caller gets the most useful refusal: one to retry (503, 429), then one that names a fault of its
 * credential (400, or 403 with a challenge), then 401, then the others. A gate that fails does not admit, and the next one
 * is called. If no gate admits and one has failed, the caller gets 503, and the error goes to `onerror` of the listener.
 *
 * Each gate must be enough by itself: `originIn` also admits callers that are no pages. Combine it with others by `allOf`.
 *
 * @param gates the gates, at least one; the last argument may be options
 * @throws TransportError `INVALID_OPTION` without a gate, or with an invalid one
 *
 * @example
 * ```ts
 * const gate = anyOf(mutualTls({ names: ['*.agents.example'] }), bearer(verifier))
 * ```
 */
export function anyOf(...gates: [...gates: Gate[], last: Gate | AnyOfOptions]): Gate {
  const last = gates.at(-1)
  const hasOptions = gates.length > 1 && typeof (last as Partial<Gate> | undefined)?.admit !== 'function'
  const { onError } = table.read(hasOptions ? (last as AnyOfOptions) : {})
  const all = (hasOptions ? gates.slice(0, -1) : gates) as Gate[]
  if (all.length === 0) throw optionError('gates', 'requires at least one gate')
  for (const gate of all) requireGate('gate', gate)

  /** By handshake, since `allOf` combines admissions into new ones. */
  const admittedBy = new WeakMap<Handshake, Gate>()
  return {
    async admit(handshake, signal, before) {
      const refusals: Refusal[] = []
      const errors: Error[] = []
      for (const gate of all) {
        signal.throwIfAborted()
        const verdict = await verdictOf(() => gate.admit(handshake, signal, before))
        if (verdict instanceof Error) {
          errors.push(verdict)
          if (onError) guarded(() => onError(verdict), ignore)
        } else if (verdict.admit) {
          admittedBy.set(handshake, gate)
          return verdict
        } else refusals.push(verdict)
      }
      // A gate that could not decide might have admitted the caller: a final refusal would be wrong.
      if (errors.length > 0) throw failureOf(errors)
      return mostUseful(refusals)
    },
    ...(all.some((gate) => gate.admitMessage !== undefined) && {
      admitMessage: (message, handshake, admission, signal) => {
        const gate = admittedBy.get(handshake)
        if (!gate) throw new Error('anyOf() has not admitted this caller')
        return gate.admitMessage?.(message, handshake, admission, signal)
      },
    }),
  }
}

async function verdictOf(decide: () => Verdict | Promise<Verdict>): Promise<Verdict | Error> {
  try {
    return checkVerdict(await decide())
  } catch (error) {
    return toError(error)
  }
}

function failureOf(errors: readonly Error[]): Error {
  const [first] = errors
  const cause = errors.length > 1 ? new AggregateError(errors, 'several gates failed') : first
  return new Error(`a gate of anyOf() failed: ${first?.message}`, { cause })
}

/** The first refusal of the best rank. */
function mostUseful(refusals: readonly Refusal[]): Refusal {
  return refusals.reduce((best, each) => (rankOf(each) < rankOf(best) ? each : best))
}

function rankOf({ status, challenge }: Refusal): number {
  const hasChallenge = challenge !== undefined
  const ranks: Readonly<Record<Refusal['status'], number>> = {
    503: 0,
    429: 1,
    400: 2,
    401: hasChallenge ? 4 : 5,
    403: hasChallenge ? 3 : 6,
    421: 7,
  }
  return ranks[status]
}
