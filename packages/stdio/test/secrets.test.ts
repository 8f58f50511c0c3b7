import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'

test.each([
  ['args', { args: '--token=hunter2' }],
  ['args', { args: ['--token=hunter2\0'] }],
  ['args', { args: { token: 'hunter2' } }],
  ['env', { env: { 'TOKEN=hunter2': 'x' } }],
  ['env', { env: 'TOKEN=hunter2' }],
  ['env.TOKEN', { env: { TOKEN: 'hunter2\0' } }],
  ['env.TOKEN', { env: { TOKEN: ['hunter2'] } }],
])('an option %s that cannot work is refused without showing what it holds: %j', (option, wrong) => {
  let thrown: unknown
  try {
    stdioClient({ command: 'true', ...(wrong as object) })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ code: 'INVALID_OPTION', details: { option } })
  expect(inspect(thrown, { depth: 9 })).not.toContain('hunter2')
})
