import type { Handshake, Refusal } from '@mcpwire/core'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type TrustedProxiesOptions, trustedProxies } from '../src/index.js'
import { httpCaller } from './support/handshakes.js'

const PROXY = '10.0.0.1'
const CIDRS = ['10.0.0.0/8', '2001:db8:1::/48']

/** What a proxy at that address passes on. */
function sentBy(address: string | undefined, headers: Readonly<Record<string, string>>): Handshake {
  return httpCaller(headers, {
    remote: address === undefined ? {} : { address, port: 4_000 },
    scheme: 'http',
    host: 'internal:8080',
    tls: { protocol: 'TLSv1.3', cipher: 'any', authorized: true, subject: 'CN=proxy' },
  })
}

function resolved(
  headers: Readonly<Record<string, string>>,
  options: TrustedProxiesOptions = {},
  address: string | undefined = PROXY,
): Handshake {
  const result = trustedProxies(CIDRS, options).resolveCaller(sentBy(address, headers))
  expect(result).not.toHaveProperty('admit')
  return result as Handshake
}

function refusalOf(headers: Readonly<Record<string, string>>, options: TrustedProxiesOptions = {}): Refusal {
  const result = trustedProxies(CIDRS, options).resolveCaller(sentBy(PROXY, headers))
  expect(result).toMatchObject({ admit: false })
  return result as Refusal
}

const forwardedFor = (value: string) => ({ 'x-forwarded-for': value })
const forwarded = (value: string) => ({ forwarded: value })
const RFC7239 = { header: 'forwarded' } as const

describe.each([
  ['192.0.2.9', { address: '192.0.2.9' }],
  ['192.0.2.9:4711', { address: '192.0.2.9', port: 4_711 }],
  ['2001:DB8:0:0::9', { address: '2001:db8::9' }],
  ['[2001:db8::9]', { address: '2001:db8::9' }],
  ['[2001:db8::9]:4711', { address: '2001:db8::9', port: 4_711 }],
  ['::ffff:192.0.2.9', { address: '192.0.2.9' }],
  ['203.0.113.5, 192.0.2.9', { address: '192.0.2.9' }],
  ['203.0.113.5,192.0.2.9,10.9.9.9,\t10.0.0.2', { address: '192.0.2.9' }],
  ['127.0.0.1, 192.0.2.9, 2001:db8:1::5', { address: '192.0.2.9' }],
  ['192.0.2.9, ::ffff:10.0.0.2', { address: '192.0.2.9' }],
  ['10.0.0.3, 10.0.0.2', { address: '10.0.0.3' }],
  ['unknown', { address: 'unknown' }],
  ['127.0.0.1, unknown', { address: 'unknown' }],
  ['127.0.0.1, _hidden, 10.0.0.2', { address: 'unknown' }],
])('X-Forwarded-For: %s', (value, remote) => {
  test('leads to the caller', () => {
    expect(resolved(forwardedFor(value))).toMatchObject({ remote })
  })
})

test.each([
  '',
  ',',
  '192.0.2.9,',
  ', 192.0.2.9',
  '192.0.2.9,,10.0.0.2',
  '192.0.2.9 10.0.0.2',
  '192.0.2',
  '0300.0.2.9',
  '0xc0.0.2.9',
  '3221225993',
  '192.0.2.9:',
  '192.0.2.9:65536',
  '192.0.2.9:-1',
  '2001:db8::9]',
  '[2001:db8::9',
  '[192.0.2.9]:80',
  '[::1]x',
  '1::2::3',
  'localhost',
  'caller.example',
  '"192.0.2.9"',
  'for=192.0.2.9',
  '192.0.2.9\u0000',
  '192.0.2.9\n',
  '192.0.2.9\u00a0',
  '１92.0.2.9',
  '<script>, 192.0.2.9',
  'unknown unknown',
])('refuses the X-Forwarded-For %o', (value) => {
  const { status, reason } = refusalOf(forwardedFor(value))
  expect(status).toBe(400)
  expect(reason).toContain('X-Forwarded-For')
})

describe.each([
  ['for=192.0.2.9', { remote: { address: '192.0.2.9' } }],
  ['For="192.0.2.9:4711"', { remote: { address: '192.0.2.9', port: 4_711 } }],
  ['for="[2001:db8::9]:4711"', { remote: { address: '2001:db8::9', port: 4_711 } }],
  ['for="[2001:db8::9]:_obfuscated"', { remote: { address: '2001:db8::9' } }],
  ['for=_gazonk', { remote: { address: 'unknown' } }],
  ['for=unknown', { remote: { address: 'unknown' } }],
  ['for="unknown:80"', { remote: { address: 'unknown' } }],
  ['proto=https', { remote: { address: 'unknown' }, scheme: 'https' }],
  [
    'for=192.0.2.9;proto=https;by=203.0.113.43;host=mcp.example',
    { remote: { address: '192.0.2.9' }, scheme: 'https', host: 'mcp.example' },
  ],
  [
    'for=127.0.0.1;host=evil.example, for=192.0.2.9;host="mcp.example:8443";proto=HTTPS, for=10.0.0.2;host=inner;proto=http',
    { remote: { address: '192.0.2.9' }, scheme: 'https', host: 'mcp.example:8443' },
  ],
  ['for="\\192.0.2.9"; secret="a\\"b,c;d"', { remote: { address: '192.0.2.9' } }],
  [
    'for=127.0.0.1, for=192.0.2.9',
    { remote: { address: '192.0.2.9' }, scheme: 'http', host: 'internal:8080' },
  ],
])('Forwarded: %s', (value, expected) => {
  test('leads to the caller', () => {
    expect(resolved(forwarded(value), RFC7239)).toMatchObject(expected)
  })
})

test.each([
  '',
  ',',
  'for',
  'for=',
  'for=192.0.2.9,',
  ',for=192.0.2.9',
  'for=192.0.2.9;',
  'for=192.0.2.9;;proto=https',
  'for=192.0.2.9;for=10.0.0.2',
  'for=192.0.2.9;FOR=10.0.0.2',
  'for = 192.0.2.9',
  'for=192.0.2.9:80',
  'for=2001:db8::9',
  'for="2001:db8::9"',
  'for=[2001:db8::9]',
  'for="192.0.2.9',
  'for="192.0.2.9" x',
  'for="192.0.2.9"proto=https',
  'for="192.0.2.9\\"',
  'for=192.0.2.9 proto=https',
  'for="192.0.2.9, for=10.0.0.2',
  'for="a\u0000"',
  'for=_',
  'for="_a b"',
  'for=caller.example',
  '192.0.2.9',
  'for=192.0.2.9;host="evil.example/path"',
  'for=192.0.2.9;host="user@mcp.example"',
  'for=192.0.2.9;proto=javascript',
])('refuses the Forwarded %o', (value) => {
  expect(refusalOf(forwarded(value), RFC7239)).toMatchObject({
    status: 400,
    reason: expect.stringContaining('Forwarded'),
  })
})

test.each([
  '192.0.2.50',
  '11.0.0.1',
  '127.0.0.1',
  '2001:db8:2::1',
  'unknown',
  '10.0.0.1:80',
  '010.0.0.1',
  undefined,
])('ignores the headers of a connection from %s', (address) => {
  const handshake = sentBy(address, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' })
  expect(trustedProxies(CIDRS).resolveCaller(handshake)).toBe(handshake)
  const malformed = sentBy(address, forwardedFor('<script>'))
  expect(trustedProxies(CIDRS).resolveCaller(malformed)).toBe(malformed)
})

test.each(['10.0.0.1', '::ffff:10.0.0.1', '2001:DB8:1:0::1'])('trusts the proxy at %s', (address) => {
  expect(resolved(forwardedFor('192.0.2.9'), {}, address)).toMatchObject({ remote: { address: '192.0.2.9' } })
})

test('trusts callers over Unix sockets with the option unixSockets', () => {
  const handshake = sentBy(undefined, forwardedFor('192.0.2.9'))
  expect(trustedProxies([], { unixSockets: true }).resolveCaller(handshake)).toMatchObject({
    remote: { address: '192.0.2.9' },
  })
  const direct = sentBy('192.0.2.50', forwardedFor('127.0.0.1'))
  expect(trustedProxies([], { unixSockets: true }).resolveCaller(direct)).toBe(direct)
})

test.each(['tcp', 'unix', 'memory'])('ignores headers in the preamble of a caller over %s', (medium) => {
  const handshake = { ...sentBy(PROXY, forwardedFor('127.0.0.1')), medium }
  expect(trustedProxies(CIDRS, { unixSockets: true }).resolveCaller(handshake)).toBe(handshake)
})

test('never reads the headers of the other kind', () => {
  const both = {
    'x-forwarded-for': '192.0.2.9',
    'x-forwarded-proto': 'https',
    forwarded: 'for=127.0.0.1;proto=http',
  }
  expect(resolved(both)).toMatchObject({ remote: { address: '192.0.2.9' }, scheme: 'https' })
  expect(resolved(both, RFC7239)).toMatchObject({ remote: { address: '127.0.0.1' }, scheme: 'http' })
  expect(resolved({ ...both, forwarded: '<script>' })).toMatchObject({ remote: { address: '192.0.2.9' } })
})

test('gives a caller without a header an address that is not local', () => {
  expect(resolved({})).toMatchObject({ remote: { address: 'unknown' } })
  expect(resolved(forwarded('for=192.0.2.9'))).toMatchObject({ remote: { address: 'unknown' } })
  expect(resolved(forwardedFor('192.0.2.9'), RFC7239)).toMatchObject({ remote: { address: 'unknown' } })
})

test('removes what identifies the proxy, and keeps the request', () => {
  const { tls, remote, ...rest } = resolved({ ...forwardedFor('192.0.2.9'), authorization: 'Bearer x' })
  expect(tls).toBeUndefined()
  expect(remote).toEqual({ address: '192.0.2.9' })
  expect(rest).toEqual({
    medium: 'http',
    host: 'internal:8080',
    path: '/mcp',
    method: 'POST',
    scheme: 'http',
    headers: { 'x-forwarded-for': '192.0.2.9', authorization: 'Bearer x' },
  })
})

describe('the scheme and the host', () => {
  const at = forwardedFor('192.0.2.9')

  test.each([
    ['https', 'https'],
    ['HTTP', 'http'],
    ['http, https', 'https'],
    ['javascript,https', 'https'],
    ['wss', 'https'],
  ])('takes the last value of X-Forwarded-Proto: %s', (proto, scheme) => {
    expect(resolved({ ...at, 'x-forwarded-proto': proto }).scheme).toBe(scheme)
  })

  test('reports the scheme of a WebSocket', () => {
    const handshake = {
      ...sentBy(PROXY, { ...at, 'x-forwarded-proto': 'https' }),
      medium: 'ws',
      scheme: 'ws',
    }
    expect(trustedProxies(CIDRS).resolveCaller(handshake)).toMatchObject({ scheme: 'wss' })
  })

  test('ignores X-Forwarded-Host and -Port, which proxies pass on, without the option xForwardedHost', () => {
    const headers = { ...at, 'x-forwarded-host': 'mcp.example', 'x-forwarded-port': '8443' }
    expect(resolved(headers).host).toBe('internal:8080')
    expect(resolved({ ...headers, 'x-forwarded-host': '<script>' }).host).toBe('internal:8080')
    expect(resolved(headers, { xForwardedHost: true }).host).toBe('mcp.example:8443')
  })

  test.each([
    [{ 'x-forwarded-host': 'evil.example, mcp.example' }, 'mcp.example'],
    [{ 'x-forwarded-host': 'mcp.example:8443', 'x-forwarded-port': '443' }, 'mcp.example:8443'],
    [
      { 'x-forwarded-host': 'mcp.example', 'x-forwarded-port': '443', 'x-forwarded-proto': 'https' },
      'mcp.example',
    ],
    [
      { 'x-forwarded-host': 'mcp.example', 'x-forwarded-port': '80', 'x-forwarded-proto': 'https' },
      'mcp.example:80',
    ],
    [{ 'x-forwarded-host': '[2001:db8::1]', 'x-forwarded-port': '8080' }, '[2001:db8::1]:8080'],
    [{ 'x-forwarded-port': '9999' }, 'internal:8080'],
  ])('joins %o', (headers, host) => {
    expect(resolved({ ...at, ...headers }, { xForwardedHost: true }).host).toBe(host)
  })

  test.each([
    ['x-forwarded-proto', 'javascript'],
    ['x-forwarded-proto', ''],
    ['x-forwarded-proto', 'https,'],
    ['x-forwarded-host', 'mcp.example/path'],
    ['x-forwarded-host', 'user@mcp.example'],
    ['x-forwarded-host', ''],
    ['x-forwarded-host', 'mcp.example.'],
    ['x-forwarded-host', 'mcp.example\\evil'],
    ['x-forwarded-port', '0'],
    ['x-forwarded-port', '65536'],
    ['x-forwarded-port', '080'],
    ['x-forwarded-port', '80 '.concat('x')],
    ['x-forwarded-port', '8e1'],
  ])('refuses %s: %o', (name, value) => {
    expect(refusalOf({ ...at, [name]: value }, { xForwardedHost: true })).toMatchObject({ status: 400 })
  })
})

test('limits the proxies in a header, and its length', () => {
  const chain = (length: number) => Array<string>(length).fill('10.0.0.2').join(', ')
  expect(resolved(forwardedFor(chain(16)))).toMatchObject({ remote: { address: '10.0.0.2' } })
  expect(refusalOf(forwardedFor(chain(17))).status).toBe(400)
  expect(refusalOf(forwardedFor(chain(3)), { maxHops: 2 }).status).toBe(400)
  expect(refusalOf(forwardedFor('192.0.2.9, 192.0.2.9'), { maxHeaderLength: 16 }).status).toBe(400)
  const elements = (length: number) => Array<string>(length).fill('for=10.0.0.2').join(', ')
  expect(resolved(forwarded(elements(16)), RFC7239)).toMatchObject({ remote: { address: '10.0.0.2' } })
  expect(refusalOf(forwarded(elements(17)), RFC7239).status).toBe(400)
  expect(refusalOf(forwarded(`for=192.0.2.9;x="${'x'.repeat(5_000)}"`), RFC7239).status).toBe(400)
})

test.each([
  [[], {}, 'cidrs'],
  ['10.0.0.0/8', {}, 'cidrs'],
  [['10.0.0.1/8'], {}, 'cidrs[0]'],
  [['10.0.0.0/8', 'proxy'], {}, 'cidrs[1]'],
  [[''], { unixSockets: true }, 'cidrs[0]'],
  [CIDRS, { header: 'via' }, 'header'],
  [CIDRS, { maxHops: 0 }, 'maxHops'],
  [CIDRS, { maxHeaderLength: 1e9 }, 'maxHeaderLength'],
  [CIDRS, { unixSockets: 1 }, 'unixSockets'],
  [CIDRS, { xForwardedHost: 'yes' }, 'xForwardedHost'],
  [CIDRS, { headers: 'forwarded' }, 'headers'],
])('rejects %o with %o', (cidrs, options, option) => {
  expect(failureOf(() => trustedProxies(cidrs as string[], options as object))).toMatchObject(refused(option))
})

const ipv4 = fc.ipV4()
const trustedAddress = fc.ipV4().map((address) => address.replace(/^\d+/, '10'))
const untrusted = ipv4.filter((address) => !address.startsWith('10.'))

test('finds the caller whatever the client has sent before it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(ipv4, fc.ipV6(), fc.constant('unknown')), { maxLength: 5 }),
      untrusted,
      fc.array(trustedAddress, { maxLength: 5 }),
      (forged, caller, proxies) => {
        const chain = [...forged, caller, ...proxies]
        expect(resolved(forwardedFor(chain.join(', ')))).toMatchObject({ remote: { address: caller } })
        const elements = chain.map((each) => `for="${each.includes(':') ? `[${each}]` : each}"`)
        expect(resolved(forwarded(elements.join(',')), RFC7239)).toMatchObject({
          remote: { address: caller },
        })
      },
    ),
  )
})

test('refuses, or finds an address or "unknown", for any header', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...'for=;,:"\\[]_.0123456789abf \t'), maxLength: 60 }),
  )
  fc.assert(
    fc.property(text, fc.constantFrom('forwarded', 'x-forwarded-for'), (value, name) => {
      const { resolveCaller } = trustedProxies(CIDRS, name === 'forwarded' ? RFC7239 : {})
      const result = resolveCaller(sentBy(PROXY, { [name]: value }))
      if ('admit' in result) expect(result).toMatchObject({ admit: false, status: 400 })
      else expect(result.remote.address).toMatch(/^(unknown|[\da-f:.]+)$/)
    }),
    { numRuns: 3_000 },
  )
})
