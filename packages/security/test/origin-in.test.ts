import { describeGate } from '@mcpwire/compliance'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { originIn } from '../src/index.js'
import { httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const from = (origin: string) => httpCaller({ origin })

describeGate('originIn', {
  gate: () => originIn(['https://app.example', 'https://*.apps.example:8443'], { requireOrigin: true }),
  admits: {
    'a page': from('https://app.example'),
    'a page of a subdomain': from('https://a.b.apps.example:8443'),
  },
  refuses: { 'another page': from('https://evil.example'), 'no page': httpCaller() },
})

const local = originIn([
  'http://localhost',
  'http://127.0.0.1:3000',
  'http://[::1]:3000',
  'https://app.example',
  'http://app.example:8080',
])

test.each([
  'http://localhost',
  'http://localhost:80',
  'HTTP://LOCALHOST',
  'http://127.0.0.1:3000',
  'http://[::1]:3000',
  'http://[0:0:0:0:0:0:0:1]:3000',
  'https://app.example',
  'https://APP.example:443',
])('admits %s, which is one of the origins', async (origin) => {
  expect(await verdictOf(local, from(origin))).toEqual({ admit: true })
})

test.each([
  ['a host that begins like it', 'http://localhost.evil.example'],
  ['a host that ends like it', 'https://evilapp.example'],
  ['a host below it', 'https://a.app.example'],
  ['a longer top-level domain', 'https://app.example.evil'],
  ['a user', 'http://localhost@evil.example'],
  ['a user and a password', 'http://user:localhost@localhost'],
  ['an encoded user', 'http://localhost%40evil.example'],
  ['another port', 'http://localhost:3000'],
  ['another scheme', 'https://localhost'],
  ['another scheme and the same port', 'https://app.example:8080'],
  ['a trailing dot', 'http://localhost.'],
  ['a trailing dot before the port', 'https://app.example.:443'],
  ['a path', 'https://app.example/'],
  ['a query', 'https://app.example?'],
  ['a fragment', 'https://app.example#'],
  ['a backslash', 'https://evil.example\\@app.example'],
  ['two values', 'https://app.example, https://evil.example'],
  ['two values without a comma', 'https://app.example https://app.example'],
  ['a line break', 'https://app.example\r\nx: y'],
  ['a tab', 'https://app\t.example'],
  ['a number for an address', 'http://2130706433:3000'],
  ['a hexadecimal address', 'http://0x7f.0.0.1:3000'],
  ['a short address', 'http://127.1:3000'],
  ['a fullwidth letter', 'https://ａpp.example'],
  ['a Cyrillic letter', 'https://аpp.example'],
  ['a Punycode look-alike', 'https://xn--pp-7kc.example'],
  ['a percent-encoded letter', 'https://%61pp.example'],
  ['an empty port', 'https://app.example:'],
  ['a port beyond the range', 'https://app.example:65979'],
  ['a port with zeros', 'https://app.example:0443'],
  ['no host', 'https://'],
  ['no scheme', 'app.example'],
  ['null', 'null'],
  ['NULL', 'NULL'],
  ['nothing', ''],
  ['a wildcard', 'https://*'],
  ['a file', 'file://'],
])('refuses an origin with %s', async (_what, origin) => {
  expect(await refusalOf(local, from(origin))).toMatchObject({ status: 403 })
})

describe('a wildcard', () => {
  const gate = originIn(['https://*.example.com'])

  test.each(['https://a.example.com', 'https://a.b.example.com', 'https://A.EXAMPLE.com:443'])(
    'admits %s',
    async (origin) => {
      expect(await verdictOf(gate, from(origin))).toEqual({ admit: true })
    },
  )

  test.each([
    'https://example.com',
    'https://.example.com',
    'https://aexample.com',
    'https://a.example.com.evil.example',
    'https://a.example.com:8443',
    'http://a.example.com',
    'https://a..example.com',
    'https://evil.example/.example.com',
    'https://evil.example#.example.com',
    'https://*.example.com',
  ])('refuses %s', async (origin) => {
    expect(await refusalOf(gate, from(origin))).toMatchObject({ status: 403 })
  })
})

test('compares the host of an international origin as Punycode', async () => {
  const gate = originIn(['https://bücher.example', 'https://*.BÜCHER.test'])
  expect(await verdictOf(gate, from('https://xn--bcher-kva.example'))).toEqual({ admit: true })
  expect(await verdictOf(gate, from('https://a.xn--bcher-kva.test'))).toEqual({ admit: true })
  expect(await refusalOf(gate, from('https://bucher.example'))).toMatchObject({ status: 403 })
})

test('admits callers without an origin, unless it is required', async () => {
  expect(await verdictOf(local, httpCaller())).toEqual({ admit: true })
  const strict = originIn(['https://app.example'], { requireOrigin: true })
  expect(await refusalOf(strict, httpCaller())).toMatchObject({ status: 403 })
})

test('admits an extension of a browser by its id', async () => {
  const gate = originIn(['chrome-extension://abcdefghijklmnop'])
  expect(await verdictOf(gate, from('chrome-extension://abcdefghijklmnop'))).toEqual({ admit: true })
  expect(await refusalOf(gate, from('chrome-extension://ponmlkjihgfedcba'))).toMatchObject({ status: 403 })
})

test('ignores an origin that the headers inherit', async () => {
  const headers = Object.create({ origin: 'https://evil.example' })
  expect(await verdictOf(local, httpCaller(headers))).toEqual({ admit: true })
})

test.each([
  '*',
  'null',
  '',
  'app.example',
  'https://app.example/',
  'https://app.example/path',
  'https://app.example?x',
  'https://user@app.example',
  'https://app.example.',
  'https://*',
  'https://*.',
  'https://*.*.example',
  'https://a.*.example',
  'https://*app.example',
  'https://*.10.0.0.1',
  'https://*.[::1]',
  'https://app.example:port',
  'https://app.example:99999',
  'https://exa mple',
  'https://0x7f.1',
  1,
  null,
])('rejects the pattern %o', (origin) => {
  expect(failureOf(() => originIn([origin as string]))).toMatchObject(refused('origins[0]'))
})

test('rejects a list without origins', () => {
  expect(failureOf(() => originIn([]))).toMatchObject(refused('origins'))
  expect(failureOf(() => originIn('https://app.example' as never))).toMatchObject(refused('origins'))
})

const label = fc.stringMatching(/^[a-z]([a-z\d-]{0,10}[a-z\d])?$/).filter((text) => !text.startsWith('xn--'))
const hostname = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'))
const port = fc.integer({ min: 1, max: 65_535 })

test('admits exactly the origin that the URL parser finds equal', async () => {
  const origin = fc.record({ scheme: fc.constantFrom('http', 'https'), hostname, port })
  const text = ({
    scheme,
    hostname: name,
    port: number,
  }: {
    scheme: string
    hostname: string
    port: number
  }) => `${scheme}://${name}:${number}`
  await fc.assert(
    fc.asyncProperty(origin, origin, fc.boolean(), async (one, other, isSame) => {
      const sent = isSame ? one : other
      const { admit } = await verdictOf(originIn([text(one)]), from(text(sent).toUpperCase()))
      expect(admit).toBe(new URL(text(one)).origin === new URL(text(sent)).origin)
    }),
  )
})

test('never admits a text whose origin in the URL parser is another one', async () => {
  const part = fc.constantFrom(
    'app.example',
    '@',
    ':',
    '/',
    '\\',
    '.',
    '#',
    '?',
    '%2e',
    '*',
    'evil',
    ' ',
    '\t',
    '443',
    '[',
    ']',
  )
  const gate = originIn(['https://app.example', 'https://*.app.example'])
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
      const origin = `https://${parts.join('')}`
      if (!(await verdictOf(gate, from(origin))).admit) return
      expect(new URL(origin).hostname).toMatch(/^(.+\.)?app\.example$/)
      expect(new URL(origin).port).toBe('')
    }),
    { numRuns: 2_000 },
  )
})
