import { expect } from 'vitest'

/** The error that a call throws, else the text `nothing was thrown`. */
export function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

/** The shape of the error for an option. */
export function refused(option: string): object {
  return { code: 'INVALID_OPTION', details: { option } }
}

/** Expects an error for an unknown option that names the option, not its value, and lists the known options. */
export function expectKnownOptions(make: (options: object) => unknown, known: readonly string[]): void {
  const error = failureOf(() => make({ colour: 's3cret' }))
  expect(error).toMatchObject(refused('colour'))
  expect(JSON.stringify(error)).not.toContain('s3cret')
  const [, names = ''] = /^option "colour" is not known; known: (.*)$/.exec((error as Error).message) ?? []
  expect(names).not.toBe('')
  expect(names.split(', ')).toEqual(expect.arrayContaining([...known]))
  expect(failureOf(() => make({ colour: undefined }))).toBe('nothing was thrown')
}

/** Expects an error for options that are no object. It names the type that was received. */
export function expectOptionsAlone(make: (options: never) => unknown): void {
  for (const [given, type] of [
    [null, 'null'],
    ['wss://host?token=s3cret', 'a string'],
    [7_000, 'a number'],
    [[], 'an array'],
    [() => {}, 'a function'],
  ]) {
    const error = failureOf(() => make(given as never))
    const message = `the options must be an object; received ${type}`
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message })
    expect(error).not.toHaveProperty('details.received')
  }
}
