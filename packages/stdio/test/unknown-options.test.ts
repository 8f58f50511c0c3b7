import {
  expectKnownOptions,
  expectOptionsAlone,
  failureOf,
  refused,
} from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { stdioClient, stdioServer } from '../src/index.js'

test.each([
  [
    'stdioClient',
    stdioClient,
    { command: 'true' },
    ['command', 'args', 'cwd', 'onStrayOutput', 'closeTimeoutMs'],
  ],
  ['stdioServer', stdioServer, {}, ['stdin', 'stdout', 'exitOnClose', 'drainMs', 'maxQueuedBytes']],
] as const)('%s rejects an unknown option and lists the known ones', (_name, make, needed, known) => {
  expectKnownOptions((options) => make({ ...needed, ...options } as never), known)
})

test('rejects a value that is not an options object', () => {
  expectOptionsAlone(stdioClient)
  expect(failureOf(() => stdioClient(undefined as never))).toMatchObject(refused('options'))
  expect(failureOf(() => stdioServer(process.stdin.fd as never))).toMatchObject(refused('options'))
})

test.each([
  ['args', { args: '--token' }],
  ['env', { env: 5 }],
  ['env.A', { env: { A: 5 } }],
])('conceals the value when it rejects option %s', (option, wrong) => {
  const error = failureOf(() => stdioClient({ command: 'true', ...wrong } as never))

  expect(error).toMatchObject(refused(option))
  expect((error as Error).message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
