import { isRequest, type JsonRpcRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { CAPABILITIES_KEY, MODERN, modern, SUBSCRIPTION_KEY, VERSION_KEY } from './support/modern.js'
import {
  event,
  json,
  resultFor,
  type Script,
  type ScriptedRequest,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

/** Sends the requests, waits for their responses, and returns the POSTs as received. */
async function posted(
  requests: readonly JsonRpcRequest[],
  script: Script = () => false,
): Promise<ScriptedRequest[]> {
  const server = await scriptedServer(script)
  const client = await startedClient(server)
  for (const request of requests) {
    await client.transport.send(request)
    await client.responseTo(request.id)
  }
  expect(server.of('GET')).toEqual([])
  return server.of('POST')
}

const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

describe('a POST', () => {
  test('mirrors revision, method and name of its body in headers, and names no session [HTTP-C-09, PVH-C-01, PVH-C-02, HDR-C-01, HDR-C-02]', async () => {
    const requests = [
      modern('tools/call', { name: 'greet' }, 1),
      modern('prompts/get', { name: 'hello' }, 2),
      modern('resources/read', { uri: 'file:///a' }, 3),
      modern('tools/list', {}, 4),
    ]
    const posts = await posted(requests)
    expect(posts.map(({ message }) => message)).toEqual(requests)
    expect(posts.map(({ headers }) => headers['mcp-method'])).toEqual(requests.map(({ method }) => method))
    expect(posts.map(({ headers }) => headers['mcp-name'])).toEqual([
      'greet',
      'hello',
      'file:///a',
      undefined,
    ])
    for (const { headers } of posts) {
      expect(headers['mcp-protocol-version']).toBe(MODERN)
      expect(headers).not.toHaveProperty('mcp-session-id')
      expect(headers.accept?.split(/, */).sort()).toEqual(['application/json', 'text/event-stream'])
    }
  })

  test('about a task names the task [HDR-C-03]', async () => {
    const methods = ['tasks/get', 'tasks/update', 'tasks/cancel']
    const posts = await posted(methods.map((method, id) => modern(method, { taskId: `t${id}` }, id)))
    expect(posts.map(({ headers }) => headers['mcp-name'])).toEqual(['t0', 't1', 't2'])
  })

  test('distinguishes an empty name from none', async () => {
    const requests = [modern('tools/call', {}, 1), modern('tools/call', { name: '' }, 2)]
    const posts = await posted(requests)
    expect(posts.map(({ headers }) => headers['mcp-name'])).toEqual([undefined, ''])
  })

  test('encodes a name that no header can carry [HDR-C-04]', async () => {
    const names = ['grüße', ' padded ', 'two\nlines', '=?base64?YQ==?=', 'plain']
    const posts = await posted(names.map((name, id) => modern('tools/call', { name }, id)))
    expect(posts.map(({ headers }) => headers['mcp-name'])).toEqual([
      ...names.slice(0, 4).map(base64),
      'plain',
    ])
  })
})

const tool = (name: string, properties: object) => ({ name, inputSchema: { type: 'object', properties } })
const marked = (type: string, header: string) => ({ type, 'x-mcp-header': header })

/** Responds to `tools/list` with the next of these lists each time. */
function listing(...lists: readonly object[][]): Script {
  let count = 0
  return ({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/list') return false
    json(response, resultFor(message.id, { tools: lists[Math.min(count++, lists.length - 1)] }))
    return true
  }
}

const paramsOf = ({ headers }: ScriptedRequest) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-')))

describe('an argument that the schema of its tool marks', () => {
  const deep = { type: 'object', properties: { zone: marked('string', 'Zone') } }
  const greet = tool('greet', {
    region: marked('string', 'Region'),
    count: marked('integer', 'Count'),
    loud: marked('boolean', 'Loud'),
    deep,
  })

  test('is mirrored in a header by its type, unless it is absent or null [HDR-C-05, HDR-C-06, HDR-C-07, HDR-C-08]', async () => {
    const args = [
      { region: 'eu', count: 42, loud: false, deep: { zone: 'a' } },
      { region: null, other: 1 },
      { region: 'ü' },
      { region: '\ttab' },
      { region: '=?base64?YQ==?=' },
      { region: '' },
    ]
    const calls = args.map((each, id) => modern('tools/call', { name: 'greet', arguments: each }, id))
    const [, ...posts] = await posted([modern('tools/list', {}, 'list'), ...calls], listing([greet]))
    expect(posts.map(paramsOf)).toEqual([
      { 'mcp-param-region': 'eu', 'mcp-param-count': '42', 'mcp-param-loud': 'false', 'mcp-param-zone': 'a' },
      {},
      { 'mcp-param-region': base64('ü') },
      { 'mcp-param-region': base64('\ttab') },
      { 'mcp-param-region': base64('=?base64?YQ==?=') },
      { 'mcp-param-region': '' },
    ])
  })

  test('is mirrored by the newest schema, and not for an unknown tool [HDR-C-13]', async () => {
    const args = { region: 'eu' }
    const calls = ['a', 'b', 'c'].map((id) => modern('tools/call', { name: 'greet', arguments: args }, id))
    const [first, second, third] = calls as [JsonRpcRequest, JsonRpcRequest, JsonRpcRequest]
    const lists = listing([greet], [tool('greet', { region: marked('string', 'Area') })])
    const posts = await posted([first, modern('tools/list'), second, modern('tools/list'), third], lists)
    expect(posts.map(paramsOf)).toEqual([
      {},
      {},
      { 'mcp-param-region': 'eu' },
      {},
      { 'mcp-param-area': 'eu' },
    ])
  })

  test.each<[string, object]>([
    ['no name', { a: marked('string', '') }],
    ['a name that is no token', { a: marked('string', 'a b') }],
    ['one name twice', { a: marked('string', 'Same'), b: marked('string', 'same') }],
    ['a number', { a: marked('number', 'A') }],
    ['a place in a list', { a: { type: 'array', items: marked('string', 'A') } }],
  ])('removes and reports a tool with %s [HDR-C-09, HDR-C-10]', async (_, properties) => {
    const server = await scriptedServer(listing([tool('bad', properties), greet]))
    const client = await startedClient(server)
    await client.transport.send(modern('tools/list'))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { tools: [greet] }))
    expect(client.errors).toHaveLength(1)
    expect(String(client.errors[0])).toContain('bad')
  })

  test('makes the client list the tools and repeat the call once after HEADER_MISMATCH [HDR-C-12]', async () => {
    const newer = tool('greet', { region: marked('string', 'Area') })
    const lists = listing([greet], [newer])
    let requiredHeader = 'mcp-param-area'
    const script: Script = (request, server) => {
      const { message, headers, response } = request
      if (!message || !isRequest(message) || message.method !== 'tools/call') return lists(request, server)
      if (headers[requiredHeader] === 'eu') return false
      const error = { code: -32_020, message: 'Header mismatch', data: { header: requiredHeader } }
      json(response, { jsonrpc: '2.0', id: message.id, error }, {}, 400)
      return true
    }
    const server = await scriptedServer(script)
    const client = await startedClient(server)
    await client.transport.send(modern('tools/list', {}, 'list'))
    await client.responseTo('list')
    const call = (id: number) => modern('tools/call', { name: 'greet', arguments: { region: 'eu' } }, id)
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    expect(server.posted()).toEqual(['tools/list', 'tools/call', 'tools/list', 'tools/call'])
    // The transport itself requested the list.
    expect(client.messages).toHaveLength(2)
    requiredHeader = 'mcp-param-never'
    await client.transport.send(call(2))
    expect(await client.responseTo(2)).toMatchObject({ error: { code: -32_020 } })
    expect(server.posted().length).toBeLessThan(9)
  })
})

test.each([
  [-32_020, 400],
  [-32_021, 400],
  [-32_022, 400],
  [-32_601, 404],
  [-32_602, 400],
])('delivers the error of a refusal: %i with %i [VER-C-05]', async (code, status) => {
  const error = { code, message: 'no', data: { supported: ['2099-01-01'], requested: MODERN } }
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message)) return false
    json(response, { jsonrpc: '2.0', id: message.id, error }, {}, status)
    return true
  })
  const client = await startedClient(server)
  await client.transport.send(modern('server/discover'))
  expect(await client.responseTo(1)).toEqual({ jsonrpc: '2.0', id: 1, error })
  expect(server.requests).toHaveLength(1)
})

describe('the stream of a request', () => {
  const open: Script = ({ message, response }) => {
    if (!message || !isRequest(message) || message.method === 'tools/list') return false
    const params = { notifications: {}, _meta: { [SUBSCRIPTION_KEY]: message.id } }
    stream(
      response,
      event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }, `e${message.id}`),
    )
    return true
  }

  test('is closed to cancel it: nothing is posted, and no response is delivered [CANC-C-03]', async () => {
    const server = await scriptedServer(open)
    const client = await startedClient(server)
    expect(client.transport.hasPerRequestStream).toBe(true)
    const controller = new AbortController()
    await client.transport.send(modern('tools/call', { name: 'slow' }), { requestSignal: controller.signal })
    await server.until(() => client.messages.length === 1, 'the stream is open')
    controller.abort()
    await server.until(() => server.requests[0]?.response.destroyed === true, 'the server sees it closed')
    await client.transport.send(modern('tools/list', {}, 2))
    await client.responseTo(2)
    expect(server.posted()).toEqual(['tools/call', 'tools/list'])
    expect(client.messages).toHaveLength(2)
  })

  test('of a subscription stays open beside others, and ends when it is closed [SUB-C-01, SUB-C-07]', async () => {
    const server = await scriptedServer(open)
    const client = await startedClient(server)
    const controllers = [new AbortController(), new AbortController()] as const
    for (const [index, { signal }] of controllers.entries()) {
      const listen = modern('subscriptions/listen', { notifications: {} }, index + 1)
      await client.transport.send(listen, { requestSignal: signal })
    }
    await server.until(() => client.messages.length === 2, 'both are acknowledged')
    const [one, two] = server.requests
    controllers[0].abort()
    await server.until(() => one?.response.destroyed === true, 'the first is closed')
    expect(two?.response.destroyed).toBe(false)
    const notification = {
      jsonrpc: '2.0',
      method: 'notifications/tools/list_changed',
      params: { _meta: { [SUBSCRIPTION_KEY]: 2 } },
    }
    two?.response.write(event(notification))
    await server.until(() => client.messages.length === 3, 'the second delivers')
    expect(client.messages[2]).toEqual(notification)
    two?.response.end(event(resultFor(2, { resultType: 'complete' })))
    await client.responseTo(2)
    expect(server.posted()).toEqual(['subscriptions/listen', 'subscriptions/listen'])
  })

  test('fails its request where it is interrupted: it is neither resumed nor sent again [HTTP-C-41]', async () => {
    const server = await scriptedServer(open)
    const client = await startedClient(server)
    await client.transport.send(modern('tools/call', { name: 'slow' }))
    await server.until(() => client.messages.length === 1, 'the stream is open')
    server.requests[0]?.response.destroy()
    expect(await client.responseTo(1)).toHaveProperty('error')
    await client.transport.send(modern('tools/list', {}, 2))
    await client.responseTo(2)
    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'POST'])
    expect(server.posted()).toEqual(['tools/call', 'tools/list'])
  })
})

test('sends the body unchanged beside the headers that mirror it [META-09]', async () => {
  const request = modern('tools/call', {
    name: 'grüße',
    arguments: { a: [1, { b: null }] },
    _meta: { own: 1 },
  })
  const [post] = await posted([request])
  expect(JSON.parse(post?.body ?? '')).toEqual(request)
  expect(request.params?._meta).toMatchObject({ [VERSION_KEY]: MODERN, [CAPABILITIES_KEY]: {} })
})
