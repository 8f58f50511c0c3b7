import { TransportError } from './errors.js'

/**
 * Throws `INVALID_OPTION` unless the options are an object with known members only. Members that are `undefined` count as
 * left out. The error shows no value, because a misplaced value may be a secret.
 */
export function requireKnownOptions(given: unknown, known: object, group?: string): asserts given is object {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const what = group === undefined ? 'the options' : `option "${group}"`
    refuse(group ?? 'options', `${what} must be an object; received ${kindOf(given)}`)
  }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(known, name)) continue
    const option = group === undefined ? name : `${group}.${name}`
    const names = Object.keys(known)
    const similar = names.find((each) => isSimilar(each, name))
    const hint = similar === undefined ? `known: ${names.join(', ')}` : `did you mean "${similar}"?`
    refuse(option, `option "${option}" is not known`, undefined, hint)
  }
}

/** Whether two names differ by letter case and separators only, or in one short part, as `hots` and `host` do. */
function isSimilar(known: string, given: string): boolean {
  const [a, b] = [known, given].map((name) => name.toLowerCase().replace(/[-_]/g, '')) as [string, string]
  const shorter = Math.min(a.length, b.length)
  let start = 0
  while (start < shorter && a[start] === b[start]) start++
  let end = 0
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end++
  return Math.max(a.length, b.length) - start - end <= Math.max(2, a.length / 4)
}

/** Throws `INVALID_OPTION` with the option and the requirement, but without the value, which may be a secret. */
export function rejectOption(option: string, needed: string, cause?: unknown): never {
  refuse(option, `option "${option}" must be ${needed}`, cause)
}

function refuse(option: string, message: string, cause?: unknown, hint?: string): never {
  throw new TransportError('INVALID_OPTION', message, { option, ...(hint && { hint }) }, { cause })
}

/** Throws `INVALID_OPTION` with the option, the requirement and the received value. */
export function invalidOption(option: string, received: unknown, needed: string, cause?: unknown): never {
  const message = `option "${option}" must be ${needed}; received ${describe(received)}`
  throw new TransportError('INVALID_OPTION', message, { option, received }, { cause })
}

/** Throws `INVALID_OPTION` unless the value is a number from `min` to `max`. */
export function requireInRange(
  option: string,
  value: unknown,
  min: number,
  max: number,
): asserts value is number {
  if (typeof value === 'number' && value >= min && value <= max) return
  const needed = max === Infinity ? `a number of at least ${min}` : `a number from ${min} to ${max}`
  invalidOption(option, value, needed)
}

/** Throws `INVALID_OPTION` unless the value is a whole number from `min` to `max`, or `Infinity` where `max` is. */
export function requireInteger(
  option: string,
  value: unknown,
  min: number,
  max: number,
): asserts value is number {
  requireInRange(option, value, min, max)
  if (!Number.isInteger(value) && value !== Infinity) invalidOption(option, value, 'a whole number')
}

/** Throws `INVALID_OPTION` unless the value is in the list. */
export function requireOneOf<T>(option: string, value: unknown, allowed: readonly T[]): asserts value is T {
  if (allowed.includes(value as T)) return
  invalidOption(option, value, `one of ${allowed.map((each) => describe(each)).join(', ')}`)
}

/** Throws `INVALID_OPTION` unless the value is a non-empty string. */
export function requireText(option: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '') invalidOption(option, value, 'a string that is not empty')
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  return typeof value === 'object' || typeof value === 'function' ? kindOf(value) : String(value)
}

/** The kind of a value, without the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  return Array.isArray(value) ? 'an array' : 'an object'
}
