import {
  expectKnownOptions,
  expectOptionsAlone,
  failureOf,
  refused,
} from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'

const given = (options: object): never => ({ path: 'nowhere', ...options }) as never
test.each([
  ['unixClient', unixClient, ['path', 'connectTimeoutMs', 'preamble', 'maxMessageBytes', 'clock']],
  ['unixServer', unixServer, ['path', 'mode', 'preamble', 'maxMessageBytes', 'gate', 'clock']],
])('%s rejects an unknown option and lists the known ones', (_name, make, known) => {
  expectKnownOptions((options) => make(given(options)), known)
})

test.each([
  [unixClient, { preamble: { headers: () => ({}), timeoutMs: 1 } }, 'preamble.timeoutMs'],
  [unixClient, { preamble: null }, 'preamble'],
  [unixServer, { preamble: { timeout: 1 } }, 'preamble.timeout'],
  [unixServer, { preamble: true }, 'preamble'],
  [unixServer, { preamble: 0 }, 'preamble'],
])('%o rejects %o', (make, options, option) => {
  expect(failureOf(() => make(given(options)))).toMatchObject(refused(option))
})

test.each([unixClient, unixServer])('%o names the type of what it received instead of options', (make) => {
  expectOptionsAlone(make)
  expect(failureOf(() => make(undefined as never))).toMatchObject(refused('options'))
})

test.each([unixClient, unixServer])('%o rejects an empty and a long path', (factory) => {
  expect(failureOf(() => factory({ path: '' }))).toMatchObject(refused('path'))
  expect(failureOf(() => factory({ path: `/${'x'.repeat(200)}` }))).toMatchObject(refused('path'))
})
