import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { clientPreambleOptions } from '../src/node/index.js'

test('the error for an invalid preamble does not contain its headers', () => {
  const wrong = { headers: { authorization: 'Bearer hunter2' } } as never
  let thrown: unknown
  try {
    clientPreambleOptions.read(wrong, 'preamble')
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'preamble.headers' } })
  expect(inspect(thrown, { depth: 9 })).not.toContain('hunter2')
})
