import { isRequest } from '@mcpwire/core'
import { SdkError, SdkHttpError } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { introducedClient, json, resultFor, type Script, scriptedServer } from './support/scripted-server.js'

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

describe('a request that is refused with', () => {
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
  ])('%d rejects as %s, and is the HTTP error of the v2 SDK', async (status, code, headers, details) => {
    const server = await scriptedServer(refusing(status, headers, 'why'))
    const client = await introducedClient(server)
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

  test.each([400, 404, 405, 409, 413, 415, 422])(
    '%d is answered with the error in the body',
    async (status) => {
      const error = { code: -32_020, message: 'header mismatch', data: { header: 'mcp-name' } }
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, error })
      const server = await scriptedServer(refusing(status === 404 ? 400 : status, {}, body))
      const client = await introducedClient(server)
      await client.transport.send(call)
      expect(await client.answerTo(1)).toEqual({ jsonrpc: '2.0', id: 1, error })
    },
  )

  test.each([
    ['none', ''],
    ['HTML', '<html></html>'],
    ['a result', JSON.stringify(resultFor(1))],
    ['an error for another', JSON.stringify({ jsonrpc: '2.0', id: 2, error: { code: 1, message: 'x' } })],
  ])('400 is answered with an error of ours where the body is %s', async (_what, body) => {
    const server = await scriptedServer(refusing(400, {}, body))
    const client = await introducedClient(server)
    await client.transport.send(call)
    expect(await client.answerTo(1)).toMatchObject({
      id: 1,
      error: { code: -31_007, data: { code: 'REFUSED' } },
    })
  })

  test('400 and an error without an id is answered with that error', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_600, message: 'no' } })
    const server = await scriptedServer(refusing(400, {}, body))
    const client = await introducedClient(server)
    await client.transport.send(call)
    expect(await client.answerTo(1)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32_600, message: 'no' },
    })
  })

  test('429 is answered with when to ask again', async () => {
    const server = await scriptedServer(refusing(429, { 'retry-after': '3' }))
    const client = await introducedClient(server)
    await client.transport.send(call)
    expect(await client.answerTo(1)).toMatchObject({
      error: { data: { code: 'REFUSED', retryAfterMs: 3_000 } },
    })
  })

  test.each(['-5', '1.5', '5, 6', 'soon', '2 minutes', '1 Jan'])(
    '503 with a Retry-After that says neither seconds nor a date says nothing: %s',
    async (value) => {
      const server = await scriptedServer(refusing(503, { 'retry-after': value }))
      const client = await introducedClient(server)
      const error = await client.transport.send(call).catch((reason) => reason)
      expect(error).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
      expect(error.details).not.toHaveProperty('retryAfterMs')
    },
  )

  test.each(['Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', 'Sun, 06 Nov 1994 08:49:37 GMT'])(
    '503 until a date that is past may be asked again at once: %s',
    async (value) => {
      const server = await scriptedServer(refusing(503, { 'retry-after': value }))
      const client = await introducedClient(server)
      const error = await client.transport.send(call).catch((reason) => reason)
      expect(error.details.retryAfterMs).toBe(0)
    },
  )

  test('503 until a date says how long that is', async () => {
    const server = await scriptedServer(
      refusing(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }),
    )
    const client = await introducedClient(server)
    const error = await client.transport.send(call).catch((reason) => reason)
    expect(error.details.retryAfterMs).toBeGreaterThan(50_000)
    expect(error.details.retryAfterMs).toBeLessThanOrEqual(60_000)
  })
})

test.each([400, 404, 413, 500])(
  'a notification that is refused with %d rejects [HTTP-S-11]',
  async (status) => {
    const server = await scriptedServer(refusing(status === 404 ? 410 : status))
    const client = await introducedClient(server)
    await expect(client.transport.send(note)).rejects.toMatchObject({
      code: status === 500 ? 'SEND_FAILED' : 'REFUSED',
    })
  },
)

test('a notification that is answered with 200 and JSON was accepted, and the JSON is nobody’s', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || isRequest(message) || !('method' in message) || message.method !== note.method)
      return false
    json(response, { result: {} })
    return true
  })
  const client = await introducedClient(server)
  await client.transport.send(note)
  await client.transport.send(call)
  await client.answerTo(1)
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
    const client = await introducedClient(server)
    await client.transport.send(call)
    expect(await client.answerTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
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
    const server = await scriptedServer((asked, server) => {
      const method = asked.message && 'method' in asked.message ? asked.message.method : ''
      return method === 'tools/call' ? redirecting(status, to)(asked, server) : false
    })
    const client = await introducedClient(server)
    await expect(client.transport.send(call)).rejects.toMatchObject({ code: 'REFUSED', details: { status } })
    expect(server.asked.some(({ url }) => url !== '/mcp')).toBe(false)
  })

  test('after redirect is followed only so often', async () => {
    const server = await scriptedServer(({ message, url, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      response.writeHead(307, { location: `${url}x` }).end()
      return true
    })
    const client = await introducedClient(server)
    await expect(client.transport.send(call)).rejects.toMatchObject({
      code: 'REFUSED',
      details: { status: 307 },
    })
    expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(6)
  })
})
