import { expect } from 'vitest'

/** What a call throws; the words `nothing was thrown` where it does not. */
export function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

/** What refuses an option looks like. */
export function refused(option: string): object {
  return { code: 'INVALID_OPTION', details: { option } }
}

/** Expects that an option that does not exist is refused by its name, not its value, and that those are told which do. */
export function expectKnownOptions(make: (options: object) => unknown, known: readonly string[]): void {
  const error = failureOf(() => make({ colour: 's3cret' }))
  expect(error).toMatchObject(refused('colour'))
  expect(JSON.stringify(error)).not.toContain('s3cret')
  const [, names = ''] = /^option "colour" is not known; known: (.*)$/.exec((error as Error).message) ?? []
  expect(names).not.toBe('')
  expect(names.split(', ')).toEqual(expect.arrayContaining([...known]))
  expect(failureOf(() => make({ colour: undefined }))).toBe('nothing was thrown')
}

/** Expects that what is no object of options is refused, and that it says what it was instead. */
export function expectOptionsAlone(make: (options: never) => unknown): void {
  for (const [given, said] of [
    [null, 'null'],
    ['wss://host?token=s3cret', 'a string'],
    [7_000, 'a number'],
    [[], 'an array'],
    [() => {}, 'a function'],
  ]) {
    const error = failureOf(() => make(given as never))
    const message = `the options must be an object; received ${said}`
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message })
    expect(error).not.toHaveProperty('details.received')
  }
}
