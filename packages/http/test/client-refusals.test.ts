import { isRequest } from '@mcpwire/core'
import { SdkError, SdkHttpError } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { initializedClient, json, resultFor, type Script, scriptedServer } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

function refusing(status: number, headers: Record<string, string> = {}, body = ''): Script {
  return ({ message, response }) => {
    const method = message && 'method' in message ? message.method : undefined
    if (method !== call.method && method !== note.method) return false
    response.writeHead(status, headers).end(body)
    return true
  }
}

describe('a request refused with', () => {
  test.each([
    [
      401,
      'AUTH_REQUIRED',
      { 'www-authenticate': 'Bearer scope="a"' },
      { status: 401, challenge: 'Bearer scope="a"' },
    ],
    [403, 'REFUSED', {}, { status: 403 }],
    [500, 'SEND_FAILED', {}, { delivery: 'unknown' }],
    [502, 'SEND_FAILED', {}, { delivery: 'unknown' }],
    [503, 'REFUSED', { 'retry-after': '7' }, { status: 503, retryAfterMs: 7_000 }],
  ])('%d rejects with %s, which is an HTTP error of the v2 SDK', async (status, code, headers, details) => {
    const server = await scriptedServer(refusing(status, headers, 'why'))
    const client = await initializedClient(server)
    const error = await client.transport.send(call).then(
      () => undefined,
      (reason) => reason,
    )
    expect(error).toMatchObject({ code, details })
    expect(error).toBeInstanceOf(SdkHttpError)
    expect(error).toBeInstanceOf(SdkError)
    expect(error.status).toBe(status)
    expect(error.data).toMatchObject({ status, text: 'why', statusText: expect.any(String) })
    expect(error.message).toContain(`status ${status}: why`)
    expect(client.messages).toHaveLength(1)
    expect(client.transport.state).toBe('open')
  })

  test.each([400, 404, 405, 409, 413, 415, 422])('%d gets the JSON-RPC error in the body', async (status) => {
    const error = { code: -32_020, message: 'header mismatch', data: { header: 'mcp-name' } }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, error })
    const server = await scriptedServer(refusing(status === 404 ? 400 : status, {}, body))
    const client = await initializedClient(server)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual({ jsonrpc: '2.0', id: 1, error })
  })

  test.each([
    ['none', ''],
    ['HTML', '<html></html>'],
    ['a result', JSON.stringify(resultFor(1))],
    [
      'an error for another request',
      JSON.stringify({ jsonrpc: '2.0', id: 2, error: { code: 1, message: 'x' } }),
    ],
  ])('400 gets REFUSED where the body is %s', async (_what, body) => {
    const server = await scriptedServer(refusing(400, {}, body))
    const client = await initializedClient(server)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toMatchObject({
      id: 1,
      error: { code: -31_007, data: { code: 'REFUSED' } },
    })
  })

  test('400 and an error without an id gets that error', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_600, message: 'no' } })
    const server = await scriptedServer(refusing(400, {}, body))
    const client = await initializedClient(server)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32_600, message: 'no' },
    })
  })

  test('429 gets the delay of Retry-After', async () => {
    const server = await scriptedServer(refusing(429, { 'retry-after': '3' }))
    const client = await initializedClient(server)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toMatchObject({
      error: { data: { code: 'REFUSED', retryAfterMs: 3_000 } },
    })
  })

  test.each(['-5', '1.5', '5, 6', 'soon', '2 minutes', '1 Jan'])(
    '503 ignores a Retry-After that is neither seconds nor a date: %s',
    async (value) => {
      const server = await scriptedServer(refusing(503, { 'retry-after': value }))
      const client = await initializedClient(server)
      const error = await client.transport.send(call).catch((reason) => reason)
      expect(error).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
      expect(error.details).not.toHaveProperty('retryAfterMs')
    },
  )

  test.each(['Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', 'Sun, 06 Nov 1994 08:49:37 GMT'])(
    '503 with a Retry-After in the past has a delay of 0: %s',
    async (value) => {
      const server = await scriptedServer(refusing(503, { 'retry-after': value }))
      const client = await initializedClient(server)
      const error = await client.transport.send(call).catch((reason) => reason)
      expect(error.details.retryAfterMs).toBe(0)
    },
  )

  test('503 with a Retry-After date has the delay until then', async () => {
    const server = await scriptedServer(
      refusing(503, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }),
    )
    const client = await initializedClient(server)
    const error = await client.transport.send(call).catch((reason) => reason)
    expect(error.details.retryAfterMs).toBeGreaterThan(3_000_000)
    expect(error.details.retryAfterMs).toBeLessThanOrEqual(3_600_000)
  })
})

test.each([400, 404, 413, 500])(
  'rejects a notification that is refused with %d [HTTP-S-11]',
  async (status) => {
    const server = await scriptedServer(refusing(status === 404 ? 410 : status))
    const client = await initializedClient(server)
    await expect(client.transport.send(note)).rejects.toMatchObject({
      code: status === 500 ? 'SEND_FAILED' : 'REFUSED',
    })
  },
)

test('accepts a notification whose response is 200 with JSON, and ignores the JSON', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || isRequest(message) || !('method' in message) || message.method !== note.method)
      return false
    json(response, { result: {} })
    return true
  })
  const client = await initializedClient(server)
  await client.transport.send(note)
  await client.transport.send(call)
  await client.responseTo(1)
  expect(client.errors).toEqual([])
})

describe('a redirect', () => {
  const redirecting =
    (status: number, to: string): Script =>
    ({ url, method, response }) => {
      if (url !== '/mcp' || method !== 'POST') return false
      response.writeHead(status, { location: to }).end()
      return true
    }

  test.each([307, 308])('with %d within the origin is followed, with method and body', async (status) => {
    const server = await scriptedServer(redirecting(status, '/moved?to=here'))
    const client = await initializedClient(server)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    const moved = server.of('POST').filter(({ url }) => url === '/moved?to=here')
    expect(moved.map(({ message }) => message && 'method' in message && message.method)).toEqual([
      'initialize',
      'notifications/initialized',
      'tools/call',
    ])
    expect(moved[2]?.headers['mcp-session-id']).toBe(client.transport.sessionId)
  })

  test.each([
    [301, '/moved'],
    [302, '/moved'],
    [303, '/moved'],
    [307, 'http://localhost.localdomain/mcp'],
    [308, 'https://127.0.0.1/mcp'],
    [307, 'file:///etc/passwd'],
    [307, 'http://'],
  ])('with %d to %s is refused', async (status, to) => {
    const server = await scriptedServer((request, server) => {
      const method = request.message && 'method' in request.message ? request.message.method : ''
      return method === 'tools/call' ? redirecting(status, to)(request, server) : false
    })
    const client = await initializedClient(server)
    await expect(client.transport.send(call)).rejects.toMatchObject({ code: 'REFUSED', details: { status } })
    expect(server.requests.some(({ url }) => url !== '/mcp')).toBe(false)
  })

  test('is followed five times', async () => {
    const server = await scriptedServer(({ message, url, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      response.writeHead(307, { location: `${url}x` }).end()
      return true
    })
    const client = await initializedClient(server)
    await expect(client.transport.send(call)).rejects.toMatchObject({
      code: 'REFUSED',
      details: { status: 307 },
    })
    expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(6)
  })
})
