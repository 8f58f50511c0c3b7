import { TransportError } from './errors.js'

/** The error for an option. `fault` follows its name in the text, as in `option "tls" requires a wss: URL`. */
export function optionError(
  option: string,
  fault: string,
  details: { readonly hint?: string; readonly received?: unknown } = {},
  cause?: unknown,
): TransportError<'INVALID_OPTION'> {
  return new TransportError(
    'INVALID_OPTION',
    `option "${option}" ${fault}`,
    { option, ...details },
    { cause },
  )
}

/** Throws `INVALID_OPTION` with the option and the requirement, but without the value, which may be a secret. */
export function rejectOption(option: string, needed: string, cause?: unknown): never {
  throw optionError(option, `must be ${needed}`, {}, cause)
}

/** Throws `INVALID_OPTION` with the option, the requirement and the received value. */
export function invalidOption(option: string, received: unknown, needed: string, cause?: unknown): never {
  throw optionError(option, `must be ${needed}; received ${describe(received)}`, { received }, cause)
}

/** The value in an error: text and numbers as they are, objects and functions by their kind. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  return typeof value === 'object' || typeof value === 'function' ? kindOf(value) : String(value)
}

/** The kind of a value, without the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  return Array.isArray(value) ? 'an array' : 'an object'
}
