import { expect, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'

function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

const given = (options: object): never => ({ path: 'nowhere', ...options }) as never
const refused = (option: string): object => ({ code: 'INVALID_OPTION', details: { option } })

test.each([
  ['unixClient', unixClient, ['path', 'connectTimeoutMs', 'preamble', 'maxMessageBytes', 'clock']],
  ['unixServer', unixServer, ['path', 'mode', 'preamble', 'maxMessageBytes', 'gate', 'clock']],
])('%s refuses an option it does not know, and says which it knows', (_name, make, known) => {
  const error = failureOf(() => make(given({ socket: '/tmp/x' })))

  expect(error).toMatchObject(refused('socket'))
  const [, names = ''] = /^option "socket" is not known; known: (.*)$/.exec((error as Error).message) ?? []
  expect(names.split(', ')).toEqual(expect.arrayContaining(known))
  expect(failureOf(() => make(given({ socket: undefined })))).toBe('nothing was thrown')
})

test.each([
  [unixClient, { preamble: { headers: () => ({}), timeoutMs: 1 } }, 'preamble.timeoutMs'],
  [unixClient, { preamble: null }, 'preamble'],
  [unixServer, { preamble: { timeout: 1 } }, 'preamble.timeout'],
  [unixServer, { preamble: true }, 'preamble'],
  [unixServer, { preamble: 0 }, 'preamble'],
])('%o refuses %o', (make, options, option) => {
  expect(failureOf(() => make(given(options)))).toMatchObject(refused(option))
})

test.each([unixClient, unixServer])('%o says what it was given instead of options', (make) => {
  for (const [wrong, said] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [7_000, 'a number'],
    ['/tmp/x', 'a string'],
  ]) {
    expect(failureOf(() => make(wrong as never))).toMatchObject({
      code: 'INVALID_OPTION',
      message: `the options must be an object; received ${said}`,
    })
  }
})
