import { isRequest, type JsonRpcRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import {
  CAPABILITIES_KEY,
  CLIENT_KEY,
  envelope,
  MODERN,
  modern,
  postOf,
  VERSION_KEY,
} from './support/modern.js'
import { type Application, echo, initialize, type Served, served } from './support/served.js'

const call = modern('tools/call', { name: 'greet', arguments: {} })

/** The refusal of a POST that the application has not received. */
async function refusal(
  server: Served,
  body: JsonRpcRequest,
  headers: Record<string, string | undefined> = {},
) {
  const received = server.messages.length
  const answer = await server.ask(postOf(body, headers))
  expect(server.messages).toHaveLength(received)
  const [message] = answer.messages as { id?: unknown; error: { code: number; data?: unknown } }[]
  return { status: answer.status, id: message?.id, code: message?.error.code, data: message?.error.data }
}

describe('the revision of a request', () => {
  test('is read from the body, so that one endpoint serves both eras at once [VER-S-04]', async () => {
    const server = await served()
    const headers = await server.session()
    const legacy = { jsonrpc: '2.0' as const, id: 1, method: 'test/ask', params: {} }
    const answers = await Promise.all([
      server.ask(postOf(call)),
      server.ask({ body: legacy, headers }),
      server.ask(postOf(modern('tools/list'))),
      server.ask({ body: initialize('2025-06-18') }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(answers[1]?.messages).toEqual([echo(legacy)])
    expect(answers[3]?.headers).toHaveProperty('mcp-session-id')
    expect(answers[0]?.headers).not.toHaveProperty('mcp-session-id')
  })

  test('must be in a header: the response without it is 400 with -32020 [PVH-S-04, HDR-S-15]', async () => {
    const server = await served()
    expect(await refusal(server, call, { 'mcp-protocol-version': undefined })).toMatchObject({
      status: 400,
      id: 1,
      code: -32_020,
    })
  })

  test('must be the same in header and body: otherwise the response is 400 with -32020 [PVH-S-06, META-09]', async () => {
    const server = await served()
    for (const version of ['2025-11-25', '2099-01-01', ' x']) {
      expect(await refusal(server, call, { 'mcp-protocol-version': version })).toMatchObject({
        status: 400,
        id: 1,
        code: -32_020,
      })
    }
  })

  test('must be supported: otherwise the response is 400 with -32022 and the supported ones [PVH-S-05]', async () => {
    const server = await served()
    const body = modern('tools/list', { _meta: { [VERSION_KEY]: '2099-01-01' } }, 'a')
    expect(await refusal(server, body, { 'mcp-protocol-version': '2099-01-01' })).toEqual({
      status: 400,
      id: 'a',
      code: -32_022,
      data: { supported: [MODERN], requested: '2099-01-01' },
    })
  })

  test('may be the only one: GET and DELETE get 405, and initialize gets the supported revisions [HTTP-S-34, VER-S-09]', async () => {
    const server = await served({ legacy: false })
    for (const method of ['GET', 'DELETE']) {
      for (const headers of [{}, { 'mcp-protocol-version': MODERN }, { 'mcp-session-id': 'x' }]) {
        const answer = await server.ask({ method, headers })
        expect(answer.status).toBe(405)
        expect(answer.headers.allow).toContain('POST')
      }
    }
    const refused = await server.ask({ body: initialize() })
    expect(refused.status).toBe(400)
    expect(refused.messages).toMatchObject([{ id: 'init', error: { data: { supported: [MODERN] } } }])
    expect(refused.headers).not.toHaveProperty('mcp-session-id')
    expect((await server.ask(postOf(call))).status).toBe(200)
  })
})

test.each<[string, object]>([
  ['no _meta at all', {}],
  ['no revision', { _meta: { [CAPABILITIES_KEY]: {} } }],
  ['no capabilities', { _meta: { [VERSION_KEY]: MODERN } }],
  ['capabilities that are none', { _meta: { ...envelope, [CAPABILITIES_KEY]: 'all' } }],
])('refuses a request with %s with 400 and -32602, under its id [META-S-03]', async (_, params) => {
  const server = await served()
  const body: JsonRpcRequest = { jsonrpc: '2.0', id: 'a', method: 'tools/list', params: { ...params } }
  expect(await refusal(server, body)).toMatchObject({ status: 400, id: 'a', code: -32_602 })
})

test('serves a request without information about its client [META-S-03]', async () => {
  const server = await served()
  expect(call.params?._meta).not.toHaveProperty(CLIENT_KEY)
  expect((await server.ask(postOf(call))).status).toBe(200)
})

describe('headers that mirror the body', () => {
  test.each<[string, Record<string, string | undefined>]>([
    ['no method', { 'mcp-method': undefined }],
    ['another method', { 'mcp-method': 'tools/list' }],
    ['the method in another case', { 'mcp-method': 'Tools/Call' }],
    ['no name', { 'mcp-name': undefined }],
    ['another name', { 'mcp-name': 'other' }],
    ['the name in another case', { 'mcp-name': 'Greet' }],
    ['a name in bad Base64', { 'mcp-name': '=?base64?Z3J*ldA==?=' }],
  ])('get 400 and -32020 if a request has %s [HDR-S-14, HDR-S-15, HDR-20, META-09]', async (_, headers) => {
    const server = await served()
    expect(await refusal(server, call, headers)).toMatchObject({ status: 400, id: 1, code: -32_020 })
  })

  test('are accepted in any case, and with an encoded name [HDR-S-16, HDR-20]', async () => {
    const server = await served()
    const body = modern('tools/call', { name: 'grüße 👋', arguments: {} })
    const encoded = `=?base64?${Buffer.from('grüße 👋').toString('base64')}?=`
    const headers = {
      'MCP-NAME': encoded,
      'MCP-Method': 'tools/call',
      'mcp-method': undefined,
      'mcp-name': undefined,
    }
    expect((await server.ask(postOf(body, headers))).status).toBe(200)
  })

  const inputSchema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      count: { type: 'integer', 'x-mcp-header': 'Count' },
    },
  }
  const listing: Application = (request) =>
    request.method === 'tools/list'
      ? { jsonrpc: '2.0', id: request.id, result: { tools: [{ name: 'greet', inputSchema }] } }
      : echo(request)
  const withArguments = (args: object) => modern('tools/call', { name: 'greet', arguments: args })

  test.each<[string, object, Record<string, string>]>([
    ['is missing', { region: 'eu' }, {}],
    ['differs', { region: 'eu' }, { 'mcp-param-region': 'us' }],
    ['cannot be decoded', { region: 'eu' }, { 'mcp-param-region': '=?base64?ZX*U=?=' }],
    ['is there for nothing', {}, { 'mcp-param-region': 'eu' }],
    ['is another number', { count: 42 }, { 'mcp-param-count': '43' }],
  ])('are refused if one of a parameter %s [HDR-S-14, HDR-S-17, HDR-S-18]', async (_, args, headers) => {
    const server = await served({}, listing)
    await server.ask(postOf(modern('tools/list')))
    expect(await refusal(server, withArguments(args), headers)).toMatchObject({ status: 400, code: -32_020 })
  })

  test.each<[string, object, Record<string, string>]>([
    ['as it is', { region: 'eu' }, { 'mcp-param-region': 'eu' }],
    ['between markers', { region: 'eu' }, { 'mcp-param-region': '=?base64?ZXU=?=' }],
    ['as the same number', { count: 42 }, { 'mcp-param-count': '42.0' }],
    ['not at all, where there is none', { region: null }, {}],
  ])('are accepted if one of a parameter %s [HDR-S-16, HDR-S-18, HDR-S-19]', async (_, args, headers) => {
    const server = await served({}, listing)
    await server.ask(postOf(modern('tools/list')))
    expect((await server.ask(postOf(withArguments(args), headers))).status).toBe(200)
  })
})

describe('responses', () => {
  test.each([
    ['that there is no such method', -32_601, 404, undefined],
    ['that a capability is missing', -32_021, 400, { requiredCapabilities: { sampling: {} } }],
    ['of the application', -32_000, 200, undefined],
  ])(
    'have the status of their error, if %s: %i with %i [PVH-S-07, META-S-04]',
    async (_, code, status, data) => {
      const error = { code, message: 'no', ...(data && { data }) }
      const server = await served({}, ({ id }) => ({ jsonrpc: '2.0', id, error }))
      for (const id of [7, '7']) {
        const answer = await server.ask(postOf(modern('test/ask', {}, id)))
        expect(answer.status).toBe(status)
        expect(answer.messages).toEqual([{ jsonrpc: '2.0', id, error }])
      }
    },
  )

  test('have no session id and no event ids, whatever the request has [SESS-S-11, RES-S-07]', async () => {
    const server = await served({ eventStore: memoryEventStore(), responseFormat: 'sse' })
    const headers = await server.session()
    const more = { 'mcp-session-id': headers['mcp-session-id'], 'last-event-id': '0-0' }
    for (const own of [more, { ...more, 'mcp-session-id': 'unknown' }]) {
      const answer = await server.open(postOf(call, own))
      await answer.until(() => answer.isOver, 'it ends')
      expect(answer.status).toBe(200)
      expect(answer.headers).not.toHaveProperty('mcp-session-id')
      expect(answer.messages).toMatchObject([{ id: 1 }])
      expect(answer.events.filter((event) => 'id' in event || 'retry' in event)).toEqual([])
    }
    expect((await server.ask({ body: { ...call, params: {} }, headers })).status).toBe(200)
  })

  test('carry no request of the server, and a response of a client is refused [HTTP-S-17, GEN-13]', async () => {
    const server = await served({ responseFormat: 'sse' }, (request, connection) => {
      const asked = { jsonrpc: '2.0' as const, id: 's1', method: 'roots/list' }
      void connection.send(asked, { relatedRequestId: request.id }).catch(() => {})
      const notification = { jsonrpc: '2.0' as const, method: 'notifications/message', params: { data: 1 } }
      void connection.send(notification, { relatedRequestId: request.id })
      return echo(request)
    })
    const answer = await server.ask(postOf(call))
    expect(answer.messages).toMatchObject([{ method: 'notifications/message' }, { id: 1, result: {} }])
    const posted = { jsonrpc: '2.0' as const, id: 's1', result: {} }
    const refused = await server.ask({ body: posted, headers: { 'mcp-protocol-version': MODERN } })
    expect({ status: refused.status, messages: refused.messages }).toMatchObject({
      status: 400,
      messages: [{ error: { code: -32_600 } }],
    })
    const noticed = await server.ask({
      body: { jsonrpc: '2.0', method: 'notifications/x', params: { _meta: envelope } },
      headers: { 'mcp-protocol-version': MODERN, 'mcp-method': 'notifications/x' },
    })
    expect({ status: noticed.status, text: noticed.text }).toEqual({ status: 202, text: '' })
  })
})

test('delivers each request with its own metadata, on any connection [GEN-18, GEN-19]', async () => {
  const server = await served()
  const clients = ['one', 'two', 'three']
  const answers = await Promise.all(
    clients.map((name) => {
      const _meta = { [CLIENT_KEY]: { name, version: '1' }, [CAPABILITIES_KEY]: { [name]: {} } }
      return server.ask(postOf(modern('test/ask', { _meta, from: name })))
    }),
  )
  expect(answers.map(({ messages }) => messages)).toMatchObject(
    clients.map((from) => [{ id: 1, result: { from } }]),
  )
  const received = server.messages.filter(isRequest).map(({ params }) => params)
  expect(received).toHaveLength(3)
  for (const params of received) {
    const name = String(params?.['from'])
    expect(params?._meta).toMatchObject({ [CLIENT_KEY]: { name } })
    expect(params?._meta?.[CAPABILITIES_KEY]).toEqual({ [name]: {} })
  }
})

describe('requests whose client disconnects', () => {
  test.each(['sse', 'auto'] as const)(
    'are cancelled, and nothing more is sent for them: responseFormat %s [CANC-S-01, CANC-S-02]',
    async (answers) => {
      const notification = { jsonrpc: '2.0' as const, method: 'notifications/message', params: { data: 1 } }
      const server = await served({ responseFormat: answers }, (request, connection) => {
        if (request.method !== call.method) return echo(request)
        if (answers === 'sse') void connection.send(notification, { relatedRequestId: request.id })
        return undefined
      })
      const opened = server.open(postOf(call))
      opened.catch(() => {})
      await expect.poll(() => server.messages.length).toBe(1)
      const [request] = server.messages
      if (!request || !isRequest(request)) throw new Error('no request')
      if (answers === 'sse') (await opened).leave()
      else server.leaveAll()
      await expect.poll(() => server.messages.length).toBe(2)
      expect(server.messages[1]).toMatchObject({
        method: 'notifications/cancelled',
        params: { requestId: request.id },
      })
      const [connection] = server.connections
      await connection?.send(notification, { relatedRequestId: request.id }).catch(() => {})
      await connection?.send(echo(request)).catch(() => {})
      expect((await server.ask(postOf(modern('tools/list')))).status).toBe(200)
    },
  )
})
