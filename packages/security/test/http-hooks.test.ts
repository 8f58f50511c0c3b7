import { request } from 'node:http'
import { type Gate, type HttpHooks, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { cors, httpHooks, originIn, type SecurityHeaders, securityHeaders } from '../src/index.js'

const ORIGIN = 'https://app.example.com'
const admitting: Gate = { admit: () => ({ admit: true }) }

async function listening(hooks: HttpHooks, gate: Gate = admitting): Promise<string> {
  const listener = httpServer({ port: 0, hooks, gate })
  onTestFinished(() => listener.close())
  await serve(listener, (connection) => connection.start())
  return listener.url
}

/** With the headers that `fetch` does not allow to set. */
function send(
  url: string,
  method: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    })
    sent.on('error', reject).end()
  })
}

const preflight = (url: string, origin: string, more: Record<string, string> = {}) =>
  send(url, 'OPTIONS', { origin, 'access-control-request-method': 'POST', ...more })

describe('cors()', () => {
  test('responds to a preflight with all headers of MCP', async () => {
    const url = await listening(cors({ origins: [ORIGIN], allowHeaders: ['x-api-key'] }))
    const asked = { 'access-control-request-headers': 'mcp-param-city, x-other, mcp-param-a b' }
    const { status, headers } = await preflight(url, ORIGIN, asked)
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers':
        'accept, authorization, content-type, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, x-api-key, mcp-param-city',
      'access-control-max-age': '600',
    })
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
    expect(headers).not.toHaveProperty('access-control-allow-private-network')
  })

  test('adds its headers to every response, also of errors and refusals', async () => {
    const url = await listening(cors({ origins: [ORIGIN] }), originIn(['https://other.example']))
    for (const [path, method] of [
      ['', 'POST'],
      ['', 'GET'],
      ['x', 'GET'],
      ['', 'PUT'],
    ] as const) {
      const { status, headers } = await send(`${url}${path}`, method, { origin: ORIGIN })
      expect(status).toBeGreaterThanOrEqual(400)
      expect(headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers':
          'mcp-session-id, mcp-protocol-version, retry-after, www-authenticate',
        vary: 'Origin',
      })
    }
  })

  test.each([
    'null',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://user@app.example.com',
    '*',
  ])('gives a page of %s no headers', async (origin) => {
    const url = await listening(cors({ origins: [ORIGIN, 'https://*.example.net'], credentials: true }))
    const responses = [await preflight(url, origin), await send(url, 'POST', { origin })]
    expect(responses[0]?.status).toBe(405)
    for (const { headers } of responses) {
      expect(headers['access-control-allow-origin']).toBeUndefined()
      expect(headers['vary']).toContain('Origin')
    }
  })

  test('allows credentials and private networks where asked to', async () => {
    const url = await listening(cors({ origins: [ORIGIN], credentials: true, allowPrivateNetwork: true }))
    const { headers } = await preflight(url, ORIGIN, { 'access-control-request-private-network': 'true' })
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-private-network': 'true',
    })
  })

  test.each<[object, string]>([
    [{ origins: [] }, 'origins'],
    [{ origins: ['*'] }, 'origins'],
    [{ origins: ['app.example.com'] }, 'origins[0]'],
    [{ origins: [`${ORIGIN}/`] }, 'origins[0]'],
    [{ origins: [ORIGIN], allowHeaders: ['*'] }, 'allowHeaders[0]'],
    [{ origins: [ORIGIN], exposeHeaders: ['a b'] }, 'exposeHeaders[0]'],
    [{ origins: [ORIGIN], maxAgeSeconds: 1.5 }, 'maxAgeSeconds'],
    [{ origin: ORIGIN, origins: [ORIGIN] }, 'origin'],
  ])('%j is an error', (options, option) => {
    expect(() => cors(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })
})

describe('securityHeaders()', () => {
  test('are on every response', async () => {
    const url = await listening(securityHeaders())
    for (const path of ['', 'x']) {
      const { headers } = await send(`${url}${path}`, 'POST')
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      expect(headers).not.toHaveProperty('strict-transport-security')
    }
  })

  test('can be replaced, left out and added', () => {
    const { responseHeaders } = securityHeaders({
      'X-Frame-Options': false,
      'Referrer-Policy': 'origin',
      'permissions-policy': 'camera=()',
      'Strict-Transport-Security': 'max-age=1',
    })
    const handshake = { medium: 'http', remote: {}, headers: {} }
    const common = {
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=()',
      'referrer-policy': 'origin',
      'x-content-type-options': 'nosniff',
    }
    expect(responseHeaders?.({ ...handshake, scheme: 'http' })).toEqual(common)
    expect(responseHeaders?.(handshake)).toEqual(common)
    expect(responseHeaders?.({ ...handshake, scheme: 'https' })).toEqual({
      ...common,
      'strict-transport-security': 'max-age=1',
    })
  })

  test.each([[{ 'a b': 'x' }], [{ a: 'x\r\ny' }], [{ a: true }], [null], [[]]])(
    '%j is an error',
    (headers) => {
      expect(() => securityHeaders(headers as unknown as SecurityHeaders)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      )
    },
  )
})

describe('httpHooks()', () => {
  test('combines responses, headers and routes', async () => {
    const route = (body: string): HttpHooks => ({ routes: { [`/${body}`]: () => ({ status: 200, body }) } })
    const vary: HttpHooks = {
      responseHeaders: () => ({ Vary: 'Accept, Origin', 'x-frame-options': 'SAMEORIGIN' }),
    }
    const url = await listening(
      httpHooks(securityHeaders(), cors({ origins: [ORIGIN] }), vary, route('a'), route('b')),
    )
    expect((await preflight(url, ORIGIN)).status).toBe(204)
    const { status, headers } = await send(new URL('/b', url).href, 'GET', { origin: ORIGIN })
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'x-frame-options': 'SAMEORIGIN',
      vary: 'Origin, Accept',
    })
  })

  test('has no members that none of them has', () => {
    expect(httpHooks()).toEqual({})
    expect(Object.keys(httpHooks(securityHeaders()))).toEqual(['responseHeaders'])
  })

  test('rejects two routes with one path', () => {
    const hooks: HttpHooks = { routes: { '/a': () => ({ status: 200 }) } }
    expect(() => httpHooks(hooks, hooks)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})
