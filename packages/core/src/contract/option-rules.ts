import { type Clock, systemClock } from './clock.js'
import type { OptionalRule, OptionRule, OptionTable } from './option-table.js'
import { describe, invalidOption, rejectOption } from './options.js'
import type { TransportLike } from './transport.js'

/** A rule with its own check. The check calls `invalidOption` or `rejectOption` for an invalid value. */
export function rule<T, D extends T | undefined = undefined>(
  check: (option: string, value: unknown) => void,
  defaultValue?: D,
): OptionRule<T, D> {
  return { defaultValue: defaultValue as D, check }
}

/** A value for which `isValid` returns `true`. `needed` describes such values in the error. */
export function matching<T, D extends T | undefined = undefined>(
  isValid: (value: unknown) => boolean,
  needed: string,
  defaultValue?: D,
): OptionRule<T, D> {
  return rule((option, value) => isValid(value) || invalidOption(option, value, needed), defaultValue)
}

/** The same rule for an option that can be left out and has no default. */
export function optional<T>(required: OptionRule<T, undefined>): OptionalRule<T> {
  return { ...required, isOptional: true }
}

/** A whole number from `min` to `max`, or `Infinity` where `max` is. */
export function integer<D extends number | undefined = undefined>(
  min: number,
  max: number,
  defaultValue?: D,
): OptionRule<number, D> {
  const { check } = inRange(min, max)
  return rule((option, value) => {
    check(option, value)
    if (!Number.isInteger(value) && value !== Infinity) invalidOption(option, value, 'a whole number')
  }, defaultValue)
}

/** A number from `min` to `max`, such as a duration in milliseconds. */
export function inRange<D extends number | undefined = undefined>(
  min: number,
  max: number,
  defaultValue?: D,
): OptionRule<number, D> {
  return matching(
    (value) => typeof value === 'number' && value >= min && value <= max,
    max === Infinity ? `a number of at least ${min}` : `a number from ${min} to ${max}`,
    defaultValue,
  )
}

/** A non-empty string. */
export function text<D extends string | undefined = undefined>(defaultValue?: D): OptionRule<string, D> {
  return matching(
    (value) => typeof value === 'string' && value !== '',
    'a string that is not empty',
    defaultValue,
  )
}

/** `true` or `false`. */
export function boolean<D extends boolean | undefined = undefined>(defaultValue?: D): OptionRule<boolean, D> {
  return matching((value) => typeof value === 'boolean', 'true or false', defaultValue)
}

/** One of the values listed. */
export function oneOf<T, D extends T | undefined = undefined>(
  values: readonly T[],
  defaultValue?: D,
): OptionRule<T, D> {
  const needed = `one of ${values.map(describe).join(', ')}`
  return matching((value) => values.includes(value as T), needed, defaultValue)
}

/** A function, of the type that the interface of the options declares. */
export function callback<T>(): OptionRule<T, undefined> {
  return rule((option, value) => {
    if (typeof value !== 'function') rejectOption(option, 'a function')
  })
}

/** An object with a function for each name. `needed` describes it in the error. Members that are `undefined` may stay. */
export function callbacks<T extends object>(needed: string): OptionRule<T, undefined> {
  return rule((option, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) rejectOption(option, needed)
    for (const [name, each] of Object.entries(value)) {
      if (each !== undefined && typeof each !== 'function') rejectOption(`${option}["${name}"]`, 'a function')
    }
  })
}

/** A list. The check runs for each item, under the name `option[0]`. */
export function list<T>(item: OptionRule<T>): OptionRule<readonly T[], undefined> {
  return rule((option, value) => {
    if (!Array.isArray(value)) invalidOption(option, value, 'an array')
    for (const [index, each] of value.entries()) item.check(`${option}[${index}]`, each)
  })
}

/** An object with these methods. `needed` is its name in the error, such as `an EventStore`. */
export function objectWith<T extends object, D extends T | undefined = undefined>(
  methods: readonly (keyof T & string)[],
  needed: string,
  defaultValue?: D,
): OptionRule<T, D> {
  return matching(
    (value) => methods.every((name) => typeof (value as T | null | undefined)?.[name] === 'function'),
    needed,
    defaultValue,
  )
}

/** Throws `INVALID_OPTION` unless the value is a transport. */
export function requireTransport(option: string, value: unknown): void {
  objectWith<TransportLike>(['start', 'send', 'close'], 'a transport').check(option, value)
}

/** A group of options with its own table, checked under the name `group.option`. */
export function group<O extends object, A extends keyof O>(
  table: OptionTable<O, A>,
): OptionRule<O, undefined> {
  return rule((option, value) => void table.read(value as O, option))
}

/** A source of time. The default is `systemClock`. */
export function clock(): OptionRule<Clock, Clock> {
  return objectWith<Clock, Clock>(['now', 'epochNow', 'deadline'], 'a Clock', systemClock)
}
