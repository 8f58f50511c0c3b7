import { expect, test } from 'vitest'
import { tcpClient, tcpServer } from '../src/index.js'

function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

const given = (options: object): never => ({ port: 7_000, ...options }) as never
const refused = (option: string): object => ({ code: 'INVALID_OPTION', details: { option } })

test.each([
  ['tcpClient', tcpClient, ['port', 'host', 'tls', 'preamble', 'maxMessageBytes', 'clock']],
  ['tcpServer', tcpServer, ['port', 'host', 'tls', 'preamble', 'maxMessageBytes', 'gate', 'clock']],
])('%s refuses an option it does not know, and says which it knows', (_name, make, known) => {
  const error = failureOf(() => make(given({ hostname: '0.0.0.0' })))

  expect(error).toMatchObject(refused('hostname'))
  const [, names = ''] = /^option "hostname" is not known; known: (.*)$/.exec((error as Error).message) ?? []
  expect(names.split(', ')).toEqual(expect.arrayContaining(known))
  expect(failureOf(() => make(given({ hostname: undefined })))).toBe('nothing was thrown')
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
])('%o refuses %o', (make, options, option) => {
  expect(failureOf(() => make(given(options)))).toMatchObject(refused(option))
})

test.each([tcpClient, tcpServer])('%o says what it was given instead of options', (make) => {
  for (const [wrong, said] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [7_000, 'a number'],
    ['tcp://127.0.0.1:7000', 'a string'],
  ]) {
    expect(failureOf(() => make(wrong as never))).toMatchObject({
      code: 'INVALID_OPTION',
      message: `the options must be an object; received ${said}`,
    })
  }
})
