import {
  expectKnownOptions,
  expectOptionsAlone,
  failureOf,
  refused,
} from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { tcpClient, tcpServer } from '../src/index.js'

const given = (options: object): never => ({ port: 7_000, ...options }) as never
test.each([
  ['tcpClient', tcpClient, ['port', 'host', 'tls', 'preamble', 'maxMessageBytes', 'clock']],
  ['tcpServer', tcpServer, ['port', 'host', 'tls', 'preamble', 'maxMessageBytes', 'gate', 'clock']],
])('%s rejects an unknown option and lists the known ones', (_name, make, known) => {
  expectKnownOptions((options) => make(given(options)), known)
})

test.each([
  [tcpClient, { tls: { rejectUnauthorized: false } }, 'tls.rejectUnauthorized'],
  [tcpClient, { tls: { clientCertificates: 'none' } }, 'tls.clientCertificates'],
  [tcpClient, { tls: false }, 'tls'],
  [tcpClient, { preamble: { headers: () => ({}), timeoutMs: 1 } }, 'preamble.timeoutMs'],
  [tcpClient, { preamble: null }, 'preamble'],
  [tcpServer, { tls: { requestCert: true } }, 'tls.requestCert'],
  [tcpServer, { tls: { serverName: 'localhost' } }, 'tls.serverName'],
  [tcpServer, { tls: null }, 'tls'],
  [tcpServer, { preamble: { timeout: 1 } }, 'preamble.timeout'],
  [tcpServer, { preamble: true }, 'preamble'],
  [tcpServer, { preamble: 0 }, 'preamble'],
])('%o rejects %o', (make, options, option) => {
  expect(failureOf(() => make(given(options)))).toMatchObject(refused(option))
})

test.each([tcpClient, tcpServer])('%o names the type of what it received instead of options', (make) => {
  expectOptionsAlone(make)
  expect(failureOf(() => make(undefined as never))).toMatchObject(refused('options'))
})
