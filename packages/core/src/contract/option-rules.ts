import { type Clock, systemClock } from './clock.js'
import type { OptionalRule, OptionRule, OptionTable } from './option-table.js'
import {
  invalidOption,
  rejectOption,
  requireInRange,
  requireInteger,
  requireOneOf,
  requireText,
} from './options.js'

/** A rule with its own check. The check calls `invalidOption` or `rejectOption` for an invalid value. */
export function rule<T, D extends T | undefined = undefined>(
  check: (option: string, value: unknown) => void,
  defaultValue?: D,
): OptionRule<T, D> {
  return { defaultValue: defaultValue as D, check, isOptional: false }
}

/** The same rule for an option that can be left out and has no default. */
export function optional<T>({ check }: OptionRule<T>): OptionalRule<T> {
  return { defaultValue: undefined, check, isOptional: true }
}

/** A whole number from `min` to `max`, or `Infinity` where `max` is. */
export function integer<D extends number | undefined = undefined>(
  min: number,
  max: number,
  defaultValue?: D,
): OptionRule<number, D> {
  return rule((option, value) => requireInteger(option, value, min, max), defaultValue)
}

/** A number from `min` to `max`, such as a duration in milliseconds. */
export function inRange<D extends number | undefined = undefined>(
  min: number,
  max: number,
  defaultValue?: D,
): OptionRule<number, D> {
  return rule((option, value) => requireInRange(option, value, min, max), defaultValue)
}

/** A non-empty string. */
export function text<D extends string | undefined = undefined>(defaultValue?: D): OptionRule<string, D> {
  return rule(requireText, defaultValue)
}

/** `true` or `false`. */
export function boolean<D extends boolean | undefined = undefined>(defaultValue?: D): OptionRule<boolean, D> {
  return rule((option, value) => {
    if (typeof value !== 'boolean') invalidOption(option, value, 'true or false')
  }, defaultValue)
}

/** One of the values listed. */
export function oneOf<T, D extends T | undefined = undefined>(
  values: readonly T[],
  defaultValue?: D,
): OptionRule<T, D> {
  return rule((option, value) => requireOneOf(option, value, values), defaultValue)
}

/** A function, of the type that the interface of the options declares. */
export function callback<T>(): OptionRule<T, undefined> {
  return rule((option, value) => {
    if (typeof value !== 'function') rejectOption(option, 'a function')
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
export function objectWith<T extends object>(
  methods: readonly (keyof T & string)[],
  needed: string,
): OptionRule<T, undefined> {
  return rule((option, value) => {
    const object = (value ?? {}) as Record<string, unknown>
    if (!methods.every((name) => typeof object[name] === 'function')) invalidOption(option, value, needed)
  })
}

/** A group of options with its own table, checked under the name `group.option`. */
export function group<O extends object, A extends keyof O>(
  table: OptionTable<O, A>,
): OptionRule<O, undefined> {
  return rule((option, value) => void table.read(value as O, option))
}

/** A source of time. The default is `systemClock`. */
export function clock(): OptionRule<Clock, Clock> {
  const { check } = objectWith<Clock>(['now', 'epochNow', 'deadline'], 'a Clock')
  return rule(check, systemClock)
}
