import { describe, expect, test } from 'vitest'
import { type HttpClientOptions, httpClient, httpClientDefaults } from '../src/index.js'

const url = 'http://127.0.0.1:1/mcp'

describe('an invalid option', () => {
  const invalid: [string, Partial<Record<keyof HttpClientOptions, unknown>>][] = [
    ['url', { url: 'nowhere' }],
    ['url', { url: 'ftp://127.0.0.1/' }],
    ['url', { url: 'http://user:secret@127.0.0.1/' }],
    ['headers', { headers: { 'bad name': 'x' } }],
    ['headers', { headers: { name: 'a\r\nb: c' } }],
    ['headers', { headers: 'x' }],
    ['auth', { auth: {} }],
    ['sessionId', { sessionId: '' }],
    ['sessionId', { sessionId: 'a\r\nx-evil: 1' }],
    ['sessionId', { sessionId: 'two words' }],
    ['sessionId', { sessionId: 'sesión' }],
    ['sessionId', { sessionId: 7 }],
    ['protocolVersion', { protocolVersion: '' }],
    ['protocolVersion', { protocolVersion: '2025-06-18\n' }],
    ['protocolVersion', { protocolVersion: '2025\u2010 06' }],
    ['url', { url: Object.create(null) }],
    ['url', { url: { href: 'http://127.0.0.1/' } }],
    ['proxy', { proxy: Object.create(null) }],
    ['proxy', { proxy: Symbol('http://127.0.0.1') }],
    ['agent', { agent: 5 }],
    ['tls', { url: 'https://127.0.0.1/', tls: [] }],
    ['tls', { url: 'https://127.0.0.1/', tls: 'ca.pem' }],
    ['tls.caFiles', { url: 'https://127.0.0.1/', tls: { caFiles: 'ca.pem' } }],
    ['tls.serverName', { url: 'https://127.0.0.1/', tls: Object.create({ serverName: 'x.example' }) }],
    ['tls.minVersion', { url: 'https://127.0.0.1/', tls: { minVersion: null } }],
    ['auth', { auth: [] }],
    ['auth', { auth: 'token' }],
    ['auth.onUnauthorised', { auth: { token: () => 'a', onUnauthorised: () => {} } }],
    ['httpSse', { httpSse: 1 }],
    ['cookies', { cookies: 'no' }],
    ['messageUrl', { messageUrl: 'http://elsewhere.test/messages' }],
    ['standaloneStream', { standaloneStream: 'no' }],
    ['endSessionOnClose', { endSessionOnClose: 0 }],
    ['onStreamState', { onStreamState: true }],
    ['random', { random: 0.5 }],
    ['maxSockets', { maxSockets: 2 }],
    ['maxSockets', { maxSockets: 3.5 }],
    ['fetch', { fetch: true }],
    ['maxMessageBytes', { maxMessageBytes: 10 }],
    ['maxQueuedBytes', { maxQueuedBytes: -1 }],
    ['minRetryMs', { minRetryMs: -1 }],
    ['maxRetryMs', { maxRetryMs: 50, minRetryMs: 100 }],
    ['streamIdleTimeoutMs', { streamIdleTimeoutMs: 0 }],
    ['connectTimeoutMs', { connectTimeoutMs: 0 }],
    ['authTimeoutMs', { authTimeoutMs: 0 }],
    ['closeTimeoutMs', { closeTimeoutMs: -1 }],
    ['reconnect', { reconnect: 3 }],
    ['reconnect.firstDelayMs', { reconnect: { firstDelayMs: 0 } }],
    ['reconnect.maxDelayMs', { reconnect: { maxDelayMs: 0 } }],
    ['reconnect.maxAttempts', { reconnect: { maxAttempts: 1.5 } }],
    ['reconnect.healthyUptimeMs', { reconnect: { healthyUptimeMs: -1 } }],
  ]

  test.each(invalid)('%s is rejected at once: %o', (option, overlay) => {
    const options = { url, ...overlay } as unknown as HttpClientOptions
    expect(() => httpClient(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })

  test.each([
    ['127.0.0.1:4001/mcp', 'did you mean http://127.0.0.1:4001/mcp'],
    ['localhost:4301', 'did you mean http://localhost:4301'],
    ['localhost', 'did you mean http://localhost'],
    ['mcp.example/mcp', 'did you mean http://mcp.example/mcp'],
    ['[::1]:4001', 'did you mean http://[::1]:4001'],
    ['server:80', 'did you mean http://server:80'],
  ])('suggests the scheme for the URL %s', (given, hint) => {
    const error = caught(() => httpClient({ url: given }))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'url', hint } })
    expect(error.message).toContain(JSON.stringify(given))
  })

  test.each([
    'nowhere',
    '',
    'a b',
    '?key=secret',
    'user:secret@host',
    `${'e'.repeat(40)}.${'f'.repeat(40)}`,
    '/mcp',
  ])('shows no part of the URL %j, which may be a secret', (given) => {
    const error = caught(() => httpClient({ url: given }))
    expect(error.message).toMatch(
      /^option "url" must be a URL that starts with http:\/\/ or https:\/\/(?:, not \w+:)?$/,
    )
  })

  test('names the adapter for the OAuth provider of an SDK', () => {
    const provider = { tokens: () => undefined, redirectUrl: 'http://127.0.0.1/callback' }
    const error = caught(() => httpClient({ url, auth: provider as never }))
    expect(error).toMatchObject({
      details: { option: 'auth', hint: expect.stringContaining('oauth(provider, sdkAuth)') },
    })
  })

  test('is described without secrets', () => {
    const secrets: Partial<HttpClientOptions>[] = [
      { url: 'http://user:secret@127.0.0.1/' },
      { url: 'secret' },
      { headers: { authorization: 'secret\n' } },
      { sessionId: 'secret\n' },
    ]
    for (const overlay of secrets) {
      const error = caught(() => httpClient({ url, ...overlay }))
      expect(JSON.stringify([error.message, error])).not.toContain('secret')
    }
  })
})

function caught(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not throw')
}

test('treats an explicit undefined as an option that is not given', () => {
  const keys = Object.keys(httpClientDefaults) as (keyof HttpClientOptions)[]
  const options = Object.fromEntries(keys.map((key) => [key, undefined]))
  expect(httpClient({ ...options, url }).state).toBe('idle')
})
