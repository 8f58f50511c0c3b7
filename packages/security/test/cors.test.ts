import type { Handshake, HttpHooks, HttpResponse } from '@mcpwire/core'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { type CorsOptions, cors } from '../src/index.js'
import { httpCaller } from './support/handshakes.js'

const APP = 'https://app.example'
const hooksOf = (options: Partial<CorsOptions> = {}): HttpHooks => cors({ origins: [APP], ...options })

function preflight(
  headers: Readonly<Record<string, string>> = {},
  options: Partial<CorsOptions> = {},
): HttpResponse | undefined {
  const caller = httpCaller(
    { origin: APP, 'access-control-request-method': 'POST', ...headers },
    { method: 'OPTIONS' },
  )
  return hooksOf(options).preflight?.(caller)
}

function responseHeaders(caller: Handshake, options: Partial<CorsOptions> = {}): unknown {
  return hooksOf(options).responseHeaders?.(caller)
}

function headersOf(response: HttpResponse | undefined): Record<string, string> {
  expect(response).toMatchObject({ status: 204 })
  return response?.headers as Record<string, string>
}

test('answers the preflight of a page for every header of MCP', () => {
  const headers = headersOf(
    preflight({ 'access-control-request-headers': 'content-type,mcp-param-region, MCP-Param-Two,x-other' }),
  )
  expect(headers).toEqual({
    'access-control-allow-origin': APP,
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers':
      'accept, authorization, content-type, last-event-id, mcp-method, mcp-name, mcp-protocol-version, mcp-session-id, mcp-param-region, mcp-param-two',
    'access-control-max-age': '600',
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network',
  })
})

test.each(['mcp-param-', 'mcp-param-a b', '*', 'mcp-param-a\r\nx: y', 'xmcp-param-a', 'mcp-param-é'])(
  'does not allow the header %o',
  (name) => {
    const allowed = headersOf(preflight({ 'access-control-request-headers': name }))[
      'access-control-allow-headers'
    ]
    expect(allowed?.split(', ')).toHaveLength(8)
  },
)

test('allows as many mirrored arguments as a page may need', () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `mcp-param-${index}`)
  const headers = headersOf(preflight({ 'access-control-request-headers': names.join(',') }))
  expect(headers['access-control-allow-headers']?.split(', ')).toHaveLength(108)
})

test('allows and exposes the headers of options', () => {
  const options = { requestHeaders: ['X-Api-Key', 'accept'], exposedHeaders: ['X-Trace'], maxAgeSeconds: 0 }
  const headers = headersOf(preflight({}, options))
  expect(headers['access-control-allow-headers']).toMatch(/, x-api-key$/)
  expect(headers['access-control-max-age']).toBe('0')
  expect(responseHeaders(httpCaller({ origin: APP }), options)).toMatchObject({
    'access-control-expose-headers':
      'mcp-protocol-version, mcp-session-id, retry-after, www-authenticate, x-trace',
  })
})

test('allows credentials and private networks only with their options', () => {
  const asks = { 'access-control-request-private-network': 'true' }
  expect(headersOf(preflight(asks))).not.toHaveProperty('access-control-allow-private-network')
  expect(headersOf(preflight({}, { privateNetwork: true }))).not.toHaveProperty(
    'access-control-allow-private-network',
  )
  expect(headersOf(preflight(asks, { privateNetwork: true, credentials: true }))).toMatchObject({
    'access-control-allow-private-network': 'true',
    'access-control-allow-credentials': 'true',
    'access-control-allow-origin': APP,
  })
  expect(responseHeaders(httpCaller({ origin: APP }), { credentials: true })).toMatchObject({
    'access-control-allow-credentials': 'true',
    'access-control-allow-origin': APP,
  })
})

test.each([
  'https://evil.example',
  'https://app.example.evil.example',
  'http://app.example',
  'https://app.example:8443',
  'null',
  '*',
  '',
  'https://app.example, https://evil.example',
])('gives a page of %o no permission', (origin) => {
  // Also after a page of the allowed origin.
  const hooks = hooksOf({ credentials: true, privateNetwork: true })
  hooks.responseHeaders?.(httpCaller({ origin: APP }))
  const caller = httpCaller({ origin, 'access-control-request-method': 'POST' }, { method: 'OPTIONS' })
  expect(hooks.preflight?.(caller)).toBeUndefined()
  expect(hooks.responseHeaders?.(caller)).toEqual({ vary: 'Origin' })
})

test('leaves requests without an origin, and those that are no preflights, to the server', () => {
  expect(hooksOf().preflight?.(httpCaller({ 'access-control-request-method': 'POST' }))).toBeUndefined()
  expect(hooksOf().preflight?.(httpCaller({ origin: APP }))).toBeUndefined()
  expect(responseHeaders(httpCaller())).toEqual({ vary: 'Origin' })
})

test('accepts the patterns of originIn', () => {
  const hooks = cors({ origins: ['https://*.example.com', 'http://localhost:5173'] })
  const allowed = (origin: string) => hooks.responseHeaders?.(httpCaller({ origin }))
  expect(allowed('https://a.example.com')).toMatchObject({
    'access-control-allow-origin': 'https://a.example.com',
  })
  expect(allowed('http://localhost:5173')).toHaveProperty('access-control-allow-origin')
  expect(allowed('https://example.com')).not.toHaveProperty('access-control-allow-origin')
})

test.each([
  [{ origins: [] }, 'origins'],
  [{ origins: ['*'] }, 'origins[0]'],
  [{ origins: [APP, 'null'] }, 'origins[1]'],
  [{ maxAgeSeconds: -1 }, 'maxAgeSeconds'],
  [{ requestHeaders: ['*'] }, 'requestHeaders[0]'],
  [{ exposedHeaders: ['a b'] }, 'exposedHeaders[0]'],
  [{ exposedHeaders: 'a' }, 'exposedHeaders'],
  [{ credentials: 'include' }, 'credentials'],
  [{ privateNetwork: 1 }, 'privateNetwork'],
  [{ origin: APP }, 'origin'],
])('rejects the options %o', (options, option) => {
  expect(failureOf(() => hooksOf(options as object))).toMatchObject(refused(option))
})
