import { describeGate } from '@mcpwire/compliance'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hostIn } from '../src/index.js'
import { httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const to = (host: string, scheme = 'https') => httpCaller({}, { host, scheme })

describeGate('hostIn', {
  gate: () => hostIn(['mcp.example']),
  admits: { 'a caller of this host': to('mcp.example'), 'with a port': to('mcp.example:8080') },
  refuses: { 'a caller of another host': to('evil.example') },
})

const gate = hostIn(['mcp.example', 'localhost:3000', '[::1]:3000', '*.apps.example', 'secure.example:443'])

test.each([
  'mcp.example',
  'MCP.Example',
  'mcp.example:1',
  'localhost:3000',
  '[::1]:3000',
  '[0:0::1]:3000',
  'a.apps.example',
  'a.b.apps.example:9',
  'secure.example',
  'secure.example:443',
])('admits %s', async (host) => {
  expect(await verdictOf(gate, to(host))).toEqual({ admit: true })
})

test.each([
  'evil.example',
  'mcp.example.evil.example',
  'notmcp.example',
  'apps.example',
  'localhost',
  'localhost:3001',
  '[::1]',
  '[::2]:3000',
  '127.0.0.1:3000',
  'secure.example:80',
])('refuses %s with 421, as in DNS rebinding', async (host) => {
  expect(await refusalOf(gate, to(host))).toMatchObject({ status: 421 })
})

test.each([
  '',
  '.',
  'mcp.example.',
  'mcp.example:',
  'mcp.example:0080',
  'mcp.example:99999',
  'user@mcp.example',
  'evil.example@mcp.example',
  'mcp.example/path',
  'mcp.example#x',
  'mcp.example, evil.example',
  'mcp.example evil.example',
  'mcp.example\r\nx',
  'mcp%2eexample',
  'ｍcp.example',
  '.apps.example',
  '*.apps.example',
  '::1',
  '[::1',
  '[::1%25eth0]:3000',
  '0x7f.0.0.1',
  `${'a'.repeat(250)}.apps.example`,
])('refuses the malformed host %o with 400', async (host) => {
  expect(await refusalOf(gate, to(host))).toMatchObject({ status: 400 })
})

test('a port of the pattern is the default one of the scheme if the caller leaves it out', async () => {
  const plain = hostIn(['mcp.example:80'])
  expect(await verdictOf(plain, to('mcp.example', 'http'))).toEqual({ admit: true })
  expect(await verdictOf(plain, to('mcp.example', 'ws'))).toEqual({ admit: true })
  expect(await refusalOf(plain, to('mcp.example', 'https'))).toMatchObject({ status: 421 })
})

test.each(['http', 'ws'])('refuses a caller over %s without a host with 400', async (medium) => {
  const { host: _, ...caller } = httpCaller()
  expect(await refusalOf(gate, { ...caller, medium })).toMatchObject({ status: 400 })
})

test.each(['tcp', 'unix', 'memory'])(
  'refuses callers over %s, which name no host, with a reason',
  async (medium) => {
    const caller = { medium, remote: {}, headers: { host: 'mcp.example' } }
    expect(await refusalOf(gate, caller)).toMatchObject({
      status: 403,
      reason: `hostIn() requires HTTP or WebSocket: callers over ${medium} name no host`,
    })
  },
)

test.each([
  '',
  '*',
  '*.',
  'https://mcp.example',
  'mcp.example/',
  'a b',
  '*.10.0.0.1',
  'mcp.example.',
  'u@h',
  7,
])('rejects the pattern %o', (host) => {
  expect(failureOf(() => hostIn([host as string]))).toMatchObject(refused('hosts[0]'))
})

test('rejects a list without hosts', () => {
  expect(failureOf(() => hostIn([]))).toMatchObject(refused('hosts'))
})

test('never admits a text that the URL parser reads as another host', async () => {
  const part = fc.constantFrom(
    'mcp.example',
    '@',
    ':',
    '/',
    '\\',
    '.',
    '#',
    '?',
    '%',
    'x',
    ' ',
    '80',
    '[',
    ']',
    '::1',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
      const host = parts.join('')
      if (!(await verdictOf(hostIn(['mcp.example']), to(host))).admit) return
      expect(new URL(`http://${host}`).hostname).toBe('mcp.example')
      expect(new URL(`http://${host}`).username).toBe('')
    }),
    { numRuns: 2_000 },
  )
})
