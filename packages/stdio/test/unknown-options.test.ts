import { expect, test } from 'vitest'
import { stdioClient, stdioServer } from '../src/index.js'

function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

const refused = (option: string): object => ({ code: 'INVALID_OPTION', details: { option } })

test.each([
  ['stdioClient', stdioClient, { command: 'true' }, ['command', 'args', 'cwd', 'onnoise', 'closeTimeoutMs']],
  ['stdioServer', stdioServer, {}, ['stdin', 'stdout', 'exitOnClose', 'drainMs', 'maxQueuedBytes']],
] as const)(
  '%s refuses an option it does not know, and says which it knows',
  (_name, make, needed, known) => {
    const given = (colour: unknown): never => ({ ...needed, colour }) as never
    const error = failureOf(() => make(given('red')))

    expect(error).toMatchObject(refused('colour'))
    const [, names = ''] = /^option "colour" is not known; known: (.*)$/.exec((error as Error).message) ?? []
    expect(names.split(', ')).toEqual(expect.arrayContaining([...known]))
    expect(failureOf(() => make(given(undefined)))).toBe('nothing was thrown')
  },
)

test('a command in place of options is no command', () => {
  for (const [given, said] of [
    [undefined, 'undefined'],
    ['node server.js --token=hunter2', 'a string'],
    [['node', 'server.js'], 'an array'],
  ]) {
    expect(failureOf(() => stdioClient(given as never))).toMatchObject({
      code: 'INVALID_OPTION',
      message: `the options must be an object; received ${said}`,
    })
  }
  expect(failureOf(() => stdioServer(process.stdin.fd as never))).toMatchObject(refused('options'))
})

test.each([
  ['args', { args: '--token' }],
  ['env', { env: 5 }],
  ['env.A', { env: { A: 5 } }],
])('what is said of a wrong %s names no type as if it were the value', (option, wrong) => {
  const error = failureOf(() => stdioClient({ command: 'true', ...wrong } as never))

  expect(error).toMatchObject(refused(option))
  expect((error as Error).message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
