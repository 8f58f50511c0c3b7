import { isRequest, type JsonRpcRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { CAPABILITIES_KEY, envelope, MODERN, modern, postOf, VERSION_KEY } from './support/modern.js'
import { initialize, served } from './support/served.js'

/** The errors by which clients recognize a server of 2026-07-28. */
const modernCodes = [-32_020, -32_021, -32_022]

const probes: readonly (readonly [what: string, body: JsonRpcRequest, headers: Record<string, string>])[] = [
  ['server/discover', modern('server/discover'), {}],
  ['server/discover with a text as id', modern('server/discover', {}, 'probe-1'), {}],
  [
    'server/discover of a later revision',
    { ...modern('server/discover', { _meta: { [VERSION_KEY]: '2099-01-01' } }) },
    { 'mcp-protocol-version': '2099-01-01' },
  ],
  [
    'server/discover of an earlier revision',
    modern('server/discover', { _meta: { [VERSION_KEY]: '2025-11-25' } }),
    { 'mcp-protocol-version': '2025-11-25' },
  ],
  ['server/discover without metadata', { jsonrpc: '2.0', id: 1, method: 'server/discover' }, {}],
  [
    'server/discover with a revision that is no text',
    modern('server/discover', { _meta: { [VERSION_KEY]: 1 } }),
    {},
  ],
  [
    'server/discover without capabilities',
    { jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: { [VERSION_KEY]: MODERN } } },
    {},
  ],
  ['tools/list', modern('tools/list'), {}],
  ['a subscription', modern('subscriptions/listen', { notifications: {} }), {}],
  ['initialize with the header of 2026-07-28', initialize(), {}],
  [
    'initialize with its metadata',
    { ...initialize(), params: { ...initialize().params, _meta: envelope } },
    {},
  ],
]

describe("modern: 'off'", () => {
  test.each(probes)(
    'answers %s with 400 and -32600, so that clients initialize [VER-C-06, STDIO-C-16]',
    async (_what, body, headers) => {
      const server = await served({ modern: 'off' })
      const { status, messages } = await server.ask(postOf(body, headers))
      expect(status).toBe(400)
      expect(messages).toMatchObject([{ id: body.id, error: { code: -32_600 } }])
      expect(server.connections).toEqual([])
    },
  )

  test.each([CAPABILITIES_KEY, VERSION_KEY])(
    'never answers with an error of 2026-07-28 without %s',
    async (key) => {
      const server = await served({ modern: 'off' })
      const { [key as keyof typeof envelope]: _left, ..._meta } = envelope
      const body: JsonRpcRequest = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta } }
      for (const version of [undefined, MODERN, 'x', '2025-06-18']) {
        const { messages } = await server.ask(postOf(body, { 'mcp-protocol-version': version }))
        const [{ error }] = messages as [{ error: { code: number } }]
        expect(modernCodes).not.toContain(error.code)
      }
    },
  )

  test('opens a session after the probe', async () => {
    const server = await served({ modern: 'off' })
    await server.ask(postOf(modern('server/discover')))
    const headers = await server.session()
    const call = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
    expect((await server.ask({ body: call, headers })).status).toBe(200)
  })
})

test('an application without server/discover gets 400 for it, as 404 would announce 2026-07-28 [VER-C-06]', async () => {
  const server = await served({}, (request) => {
    const error = { code: -32_601, message: 'Method not found' }
    return isRequest(request) ? { jsonrpc: '2.0', id: request.id, error } : undefined
  })
  const probe = await server.ask(postOf(modern('server/discover')))
  const other = await server.ask(postOf(modern('x/unknown', {}, 2)))
  expect([probe.status, other.status]).toEqual([400, 404])
  for (const { messages } of [probe, other]) expect(messages).toMatchObject([{ error: { code: -32_601 } }])
})
