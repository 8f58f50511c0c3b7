import { isTransportError, TransportError } from './errors.js'
import { kindOf, optionError, rejectOption } from './options.js'

/**
 * One option: its check and its default. `D` is the type of the default, `undefined` where there is none.
 */
export interface OptionRule<T, D extends T | undefined = T | undefined> {
  /** Used where the option is left out or `undefined`. Checked like a given value. */
  readonly defaultValue: D
  /** Throws `INVALID_OPTION` for an invalid value. Also called for a required option that is left out. */
  readonly check: (option: string, value: unknown) => void
  /** Whether the option can be left out although it has no default. */
  readonly isOptional?: true
}

/** The rule of an option that may be left out and has no default. */
export interface OptionalRule<T> extends OptionRule<T, undefined> {
  readonly isOptional: true
}

/**
 * A rule for each member of `O`: with a default where the member is optional, an optional rule where it is named in
 * `A`. The compiler reports a member without a rule, and a rule without a member.
 */
export type OptionRules<O extends object, A extends keyof O = never> = {
  readonly [K in keyof O]-?: K extends A
    ? OptionalRule<Exclude<O[K], undefined>>
    : object extends Pick<O, K>
      ? OptionRule<Exclude<O[K], undefined>, Exclude<O[K], undefined>>
      : OptionRule<Exclude<O[K], undefined>>
}

/** Options of `O` after their defaults. Members named in `A` may be missing. */
export type OptionSettings<O extends object, A extends keyof O = never> = {
  readonly [K in Exclude<keyof O, A>]-?: Exclude<O[K], undefined>
} & { readonly [K in A]?: O[K] | undefined }

/** The defaults of the options of `O`: each optional member that is not named in `A` has one. */
export type OptionDefaults<O extends object, A extends keyof O = never> = {
  readonly [K in keyof O as object extends Pick<O, K> ? (K extends A ? never : K) : never]-?: Exclude<
    O[K],
    undefined
  >
}

/** The options of one factory: their names, defaults and checks. */
export interface OptionTable<O extends object, A extends keyof O = never> {
  /** One rule for each option. Spread it into the table of a factory that has the same options and more. */
  readonly rules: OptionRules<O, A>
  /**
   * Checks the given options and adds the defaults. An explicit `undefined` counts as left out. The result is frozen.
   *
   * @param group the option that holds these options, as in `hooks.routes`
   * @throws TransportError `INVALID_OPTION` for an unknown name or an invalid value
   */
  readonly read: (given: O, group?: string) => OptionSettings<O, A>
  /** The same for the options of a larger table: members without a rule here are left out, not rejected. */
  readonly select: (given: O) => OptionSettings<O, A>
}

/**
 * Makes the table of a factory's options, with one rule for each option.
 *
 * @example
 * ```ts
 * const table = options<PingOptions, 'label'>({
 *   port: integer(1, 65_535),
 *   host: text('127.0.0.1'),
 *   label: optional(text()),
 * })
 * const { port, host, label } = table.read({ port: 7000 })
 * ```
 */
export function options<O extends object, A extends keyof O = never>(
  rules: OptionRules<O, A>,
): OptionTable<O, A> {
  const select = (given: O, group?: string): OptionSettings<O, A> => {
    checkObject(given, group)
    const settings: Record<string, unknown> = {}
    for (const [name, { check, defaultValue, isOptional }] of Object.entries<OptionRule<unknown>>(rules)) {
      const option = pathOf(name, group)
      readable(option, () => {
        // Own members only: a "__proto__" in options parsed from JSON must not supply values.
        const own = Object.hasOwn(given, name) ? given[name as keyof O] : undefined
        const value = own === undefined ? defaultValue : own
        if (value === undefined && isOptional) return
        check(option, value)
        settings[name] = value
      })
    }
    return Object.freeze(settings) as OptionSettings<O, A>
  }
  return {
    rules,
    read: (given, group) => {
      checkObject(given, group)
      readable(group ?? 'options', () => checkNames(given, Object.keys(rules), group))
      return select(given, group)
    },
    select,
  }
}

/** The default of each option that has one. Bundlers drop a call marked as pure whose result is not used. */
export function defaultsOf<O extends object, A extends keyof O>({
  rules,
}: OptionTable<O, A>): OptionDefaults<O, A> {
  const defaults = Object.entries<OptionRule<unknown>>(rules)
    .filter(([, { defaultValue }]) => defaultValue !== undefined)
    .map(([name, { defaultValue }]) => [name, defaultValue])
  return Object.freeze(Object.fromEntries(defaults)) as OptionDefaults<O, A>
}

/** Throws unless the options are an object. */
function checkObject(given: unknown, group: string | undefined): void {
  const kind = readable(group ?? 'options', () => kindOf(given))
  if (kind === 'an object') return
  const needed = `an object; received ${kind}`
  if (group) rejectOption(group, needed)
  throw new TransportError('INVALID_OPTION', `the options must be ${needed}`, { option: 'options' })
}

/** Throws unless the options have own, known members only. Shows no value: a misplaced one may be a secret. */
function checkNames(given: object, known: readonly string[], group?: string): void {
  const memberOf = (name: string): unknown =>
    readable(pathOf(name, group), () => (given as Record<string, unknown>)[name])
  for (const name of known) {
    // Members that every object inherits are no options of this one.
    if (!(name in given) || Object.hasOwn(given, name) || name in Object.prototype) continue
    if (memberOf(name) === undefined) continue
    throw optionError(pathOf(name, group), 'must not be inherited', {
      hint: 'pass an object with own members',
    })
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name) || memberOf(name) === undefined) continue
    const similar = known.find((each) => isSimilar(each, name))
    const hint = similar === undefined ? `known: ${known.join(', ')}` : `did you mean "${similar}"?`
    throw optionError(pathOf(name, group), 'is not known', { hint })
  }
}

/** Runs the check of an option. An error of its accessor, or of the conversion of its value, becomes the `cause`. */
function readable<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (isTransportError(cause)) throw cause
    throw new TransportError('INVALID_OPTION', `option "${option}" cannot be read`, { option }, { cause })
  }
}

function pathOf(name: string, group: string | undefined): string {
  return group ? `${group}.${name}` : name
}

/**
 * Whether at most a third of the letters differ, as in `hots` and `host`, or `keepalive` and `keepAliveMs`. Their order and
 * case do not count.
 */
function isSimilar(known: string, given: string): boolean {
  let extra = given.toLowerCase()
  for (const letter of known.toLowerCase()) extra = extra.replace(letter, '')
  const missing = known.length - given.length + extra.length
  return missing + extra.length <= known.length / 3
}
