import type { Handshake, Refusal } from '@mcpwire/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type TrustedProxiesOptions, trustedProxies } from '../src/index.js'

const PROXY = '10.0.0.1'
const CLIENT = '203.0.113.7'

function handshakeFrom(
  address: string | undefined,
  headers: Record<string, string> = {},
  more: Partial<Handshake> = {},
): Handshake {
  const remote = address === undefined ? {} : { address, port: 1 }
  return { medium: 'http', scheme: 'http', remote, host: 'inner:8080', headers, ...more }
}

function resolve(handshake: Handshake, options: TrustedProxiesOptions = {}): Handshake | Refusal {
  return trustedProxies(['10.0.0.0/8', 'fd00::/8'], options).resolveCaller(handshake)
}

const xff = (...items: string[]) => ({ 'x-forwarded-for': items.join(', ') })

describe('the caller', () => {
  test.each<[string, Handshake, object]>([
    ['behind one proxy', handshakeFrom(PROXY, xff(CLIENT)), { remote: { address: CLIENT } }],
    ['behind two proxies', handshakeFrom(PROXY, xff(CLIENT, '10.0.0.2')), { remote: { address: CLIENT } }],
    [
      'that forges an address',
      handshakeFrom(PROXY, xff('127.0.0.1', CLIENT)),
      { remote: { address: CLIENT } },
    ],
    [
      'that forges a proxy',
      handshakeFrom(PROXY, xff('1.1.1.1', '10.9.9.9', CLIENT)),
      { remote: { address: CLIENT } },
    ],
    ['with a port', handshakeFrom(PROXY, xff(`${CLIENT}:99`)), { remote: { address: CLIENT, port: 99 } }],
    ['with IPv6', handshakeFrom(PROXY, xff('2001:DB8::1')), { remote: { address: '2001:db8::1' } }],
    [
      'with IPv6 and a port',
      handshakeFrom('fd00::1', xff('[2001:db8::1]:9')),
      { remote: { address: '2001:db8::1', port: 9 } },
    ],
    [
      'behind a mapped address',
      handshakeFrom('::ffff:10.0.0.1', xff(CLIENT)),
      { remote: { address: CLIENT } },
    ],
    [
      'that is itself a trusted address',
      handshakeFrom(PROXY, xff('10.0.0.3', '10.0.0.2')),
      { remote: { address: '10.0.0.3' } },
    ],
    [
      'that the proxy does not name',
      handshakeFrom(PROXY),
      { remote: { address: PROXY, port: 1 }, scheme: 'http', host: 'inner:8080' },
    ],
    [
      'that the proxy does not know',
      handshakeFrom(PROXY, xff('unknown')),
      { remote: { address: 'unknown' } },
    ],
    [
      'over https',
      handshakeFrom(PROXY, {
        ...xff(CLIENT),
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'mcp.example.com',
      }),
      { remote: { address: CLIENT }, scheme: 'https', host: 'mcp.example.com' },
    ],
    [
      'with a forged scheme and host before those of the proxy',
      handshakeFrom(PROXY, {
        ...xff(CLIENT),
        'x-forwarded-proto': 'http, https',
        'x-forwarded-host': 'evil, mcp.example.com',
      }),
      { scheme: 'https', host: 'mcp.example.com' },
    ],
    [
      'with a port of the host',
      handshakeFrom(PROXY, {
        ...xff(CLIENT),
        'x-forwarded-host': 'mcp.example.com',
        'x-forwarded-port': '8443',
      }),
      { host: 'mcp.example.com:8443' },
    ],
    [
      'over WebSocket',
      handshakeFrom(PROXY, { ...xff(CLIENT), 'x-forwarded-proto': 'https' }, { medium: 'ws', scheme: 'ws' }),
      { scheme: 'wss' },
    ],
  ])('%s', (_title, handshake, expected) => {
    expect(resolve(handshake)).toMatchObject(expected)
  })

  test('without a trusted proxy is the other end, whatever its headers say', () => {
    for (const address of [CLIENT, '11.0.0.1', 'unknown', undefined, '10.0.0.1.evil.example']) {
      const handshake = handshakeFrom(address, {
        ...xff('127.0.0.1'),
        'x-forwarded-proto': 'https',
        forwarded: 'for=127.0.0.1',
      })
      expect(resolve(handshake)).toBe(handshake)
    }
  })

  test('has no TLS facts of the connection of the proxy', () => {
    const tls = { protocol: 'TLSv1.3', cipher: 'x', authorized: true }
    expect(resolve(handshakeFrom(PROXY, xff(CLIENT), { tls }))).not.toHaveProperty('tls')
  })

  test('on a Unix socket is resolved where that is trusted', () => {
    const handshake = handshakeFrom(undefined, xff(CLIENT))
    expect(resolve(handshake)).toBe(handshake)
    expect(resolve(handshake, { unixSockets: true })).toMatchObject({ remote: { address: CLIENT } })
  })

  test.each([
    ...[
      '',
      ',',
      'a',
      '1.2.3',
      '1.2.3.4.5',
      '0x7f.0.0.1',
      '127.1',
      '1.2.3.4:99999',
      '[::1',
      '::1]',
      'localhost',
      '"1.2.3.4"',
    ].map((value) => ({ 'x-forwarded-for': value })),
    { 'x-forwarded-for': `${CLIENT},, ${CLIENT}` },
    { 'x-forwarded-for': Array(40).fill(CLIENT).join(',') },
    { 'x-forwarded-for': 'x'.repeat(5_000) },
    { ...xff(CLIENT), 'x-forwarded-proto': 'javascript' },
    { ...xff(CLIENT), 'x-forwarded-host': 'user@mcp.example.com' },
    { ...xff(CLIENT), 'x-forwarded-host': 'mcp.example.com', 'x-forwarded-port': '-1' },
  ])('is refused where its headers are malformed: %j', (headers) => {
    expect(resolve(handshakeFrom(PROXY, headers as Record<string, string>))).toMatchObject({
      admit: false,
      status: 400,
    })
  })
})

describe('the header Forwarded', () => {
  const forwarded = (text: string) =>
    resolve(handshakeFrom(PROXY, { forwarded: text, ...xff('127.0.0.1') }), { header: 'forwarded' })

  test.each<[string, object]>([
    [
      `for=${CLIENT};proto=https;host=mcp.example.com`,
      { remote: { address: CLIENT }, scheme: 'https', host: 'mcp.example.com' },
    ],
    [
      `for=127.0.0.1;proto=http, FOR="${CLIENT}:9" ; Proto=https`,
      { remote: { address: CLIENT, port: 9 }, scheme: 'https' },
    ],
    [
      `for=${CLIENT};host=mcp.example.com, for=10.0.0.2;host=inner`,
      { remote: { address: CLIENT }, host: 'mcp.example.com' },
    ],
    ['for="[2001:db8::1]:9"', { remote: { address: '2001:db8::1', port: 9 } }],
    ['for=unknown', { remote: { address: 'unknown' } }],
    ['for=_hidden', { remote: { address: 'unknown' } }],
    [`by=_us;for=${CLIENT};secret="a\\"b, c"`, { remote: { address: CLIENT } }],
  ])('%s', (text, expected) => {
    expect(forwarded(text)).toMatchObject(expected)
  })

  test.each([
    '',
    'for',
    'for=',
    `for=${CLIENT};for=127.0.0.1`,
    `for=${CLIENT},`,
    `for="${CLIENT}`,
    `for=${CLIENT} proto=https`,
    `for=${CLIENT};`,
    'for=2001:db8::1',
    `for="${CLIENT}\u0000"`,
    'for=[::1]',
    `for=127.0.0.1, for=nonsense`,
  ])('%j is malformed', (text) => {
    expect(forwarded(text)).toMatchObject({ admit: false, status: 400 })
  })

  test('never throws, and believes no caller that is left of an untrusted address', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (prefix) => {
        const result = forwarded(`${prefix}, for=${CLIENT}`)
        if ('admit' in result) expect(result.status).toBe(400)
        else expect(result.remote.address).toBe(CLIENT)
      }),
    )
  })
})

test('X-Forwarded-For never names a caller left of an untrusted address', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (prefix) => {
      const result = resolve(handshakeFrom(PROXY, xff(prefix, CLIENT)))
      if ('admit' in result) expect(result.status).toBe(400)
      else expect(result.remote.address).toBe(CLIENT)
    }),
  )
})

describe('identity()', () => {
  const { signal } = new AbortController()
  const proxies = trustedProxies(['10.0.0.0/8'])
  const gate = proxies.identity({ userHeader: 'X-Forwarded-User', scopesHeader: 'X-Forwarded-Groups' })
  const through = (headers: Record<string, string>) => {
    const handshake = proxies.resolveCaller(handshakeFrom(PROXY, { ...xff(CLIENT), ...headers })) as Handshake
    return gate.admit(handshake, signal)
  }

  test('admits the user that the proxy names', () => {
    expect(through({ 'x-forwarded-user': 'alice', 'x-forwarded-groups': 'read,write admin' })).toEqual({
      admit: true,
      authInfo: {
        token: 'alice',
        clientId: 'alice',
        scopes: ['read', 'write', 'admin'],
        extra: { sub: 'alice' },
      },
    })
  })

  test('refuses the same headers of others', () => {
    const headers = { 'x-forwarded-user': 'alice' }
    const direct = proxies.resolveCaller(handshakeFrom(CLIENT, headers)) as Handshake
    expect(gate.admit(direct, signal)).toMatchObject({ admit: false, status: 401 })
    expect(gate.admit(handshakeFrom(PROXY, headers), signal)).toMatchObject({ admit: false, status: 401 })
    const others = trustedProxies(['0.0.0.0/0']).resolveCaller(handshakeFrom(PROXY, headers)) as Handshake
    expect(gate.admit(others, signal)).toMatchObject({ admit: false, status: 401 })
  })

  test.each<[Record<string, string>, number]>([
    [{}, 401],
    [{ 'x-forwarded-user': '' }, 401],
    [{ 'x-forwarded-user': 'alice, root' }, 400],
    [{ 'x-forwarded-user': 'alice\u0000' }, 400],
    [{ 'x-forwarded-user': 'a'.repeat(600) }, 400],
  ])('refuses %j with %d', (headers, status) => {
    expect(through(headers)).toMatchObject({ admit: false, status })
  })
})

test.each<[readonly string[], object]>([
  [[], {}],
  [['10.0.0.0/33'], {}],
  [['localhost'], {}],
  [['10.0.0.0/8'], { header: 'x-real-ip' }],
  [['10.0.0.0/8'], { headers: 'forwarded' }],
])('trustedProxies(%j, %j) is an error', (addresses, options) => {
  expect(() => trustedProxies(addresses, options)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  )
})
