import { createFakeClock } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type JsonRpcRequest } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { envelope, MODERN, modern, postOf, SUBSCRIPTION_KEY } from './support/modern.js'
import { application, as, call, hang, listen } from './support/modern-application.js'
import { byName } from './support/modern-server.js'
import { echo, served } from './support/served.js'

describe('messages of the application', () => {
  test('are reported and sent to no client if they belong to no request [HTTP-S-39]', async () => {
    const server = await served({}, application)
    const stream = await server.open(postOf(listen()))
    await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
    const changed = { jsonrpc: '2.0' as const, method: 'notifications/tools/list_changed' }
    await server.connections[0]?.send(changed)
    expect(server.errors).toMatchObject([
      { code: 'SEND_FAILED', message: expect.stringContaining('list_changed') },
    ])
    await server.ask(postOf(call))
    expect(stream.messages).toHaveLength(1)
  })

  test('are answered with an error if they are requests, since clients answer none [GEN-14]', async () => {
    const server = await served()
    await server.ask(postOf(call))
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 5, method: 'roots/list' })
    expect(server.messages.at(-1)).toMatchObject({ id: 5, error: { code: -31_007 } })
  })

  test('end a subscription, also by a cancellation [SUB-S-08, SUB-S-09]', async () => {
    const server = await served({}, application)
    const stream = await server.open(postOf(listen('s')))
    await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
    const [request] = server.messages
    const params = { requestId: isRequest(request as JsonRpcMessage) ? (request as JsonRpcRequest).id : 0 }
    await server.connections[0]?.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
    await server.connections[0]?.send({ jsonrpc: '2.0', id: params.requestId, result: {} })
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.messages.slice(1)).toMatchObject([
      { id: 's', result: { _meta: { [SUBSCRIPTION_KEY]: 's' } } },
    ])
    expect(server.errors).toEqual([])
    expect(server.messages).toHaveLength(1)
  })

  test('are replaced by an error response if they are too long', async () => {
    const server = await served({ maxMessageBytes: 2_048 }, ({ id }) => ({
      jsonrpc: '2.0',
      id,
      result: { text: 'x'.repeat(4_096) },
    }))
    const answer = await server.ask(postOf(call))
    expect(answer.messages).toMatchObject([{ id: 1, error: { code: -32_603 } }])
    expect(server.errors).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }])
  })

  test('turn the response into a stream after keepAliveIntervalMs, with comments until then [HTTP-S-30]', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, keepAliveIntervalMs: 1_000 }, application)
    const opened = server.open(postOf(hang))
    await vi.waitFor(() => expect(server.messages).toHaveLength(1))
    await clock.advance(1_100)
    const answer = await opened
    expect(answer.headers['content-type']).toBe('text/event-stream')
    await clock.advance(1_100)
    await answer.until(() => answer.events.length === 2, 'two comments came')
    const [request] = server.messages as [JsonRpcRequest]
    await server.connections[0]?.send({
      jsonrpc: '2.0',
      id: request.id,
      error: { code: -32_601, message: 'no such method' },
    })
    await answer.until(() => answer.isOver, 'it ends')
    expect(answer.messages).toMatchObject([{ id: 1, error: { code: -32_601 } }])
  })
})

describe('notifications of a client', () => {
  const noticed = (method: string, meta: object | undefined) => ({
    body: { jsonrpc: '2.0', method, params: meta ? { _meta: meta } : {} },
    headers: { 'mcp-protocol-version': MODERN, 'mcp-method': method },
  })

  test('are accepted, and delivered if the principal has a connection and they name their revision', async () => {
    const server = await served()
    const accepted = async (method: string, meta?: object) => {
      const { status, text } = await server.ask(noticed(method, meta))
      expect({ status, text }).toEqual({ status: 202, text: '' })
    }
    await accepted('test/early', envelope)
    await server.ask(postOf(call))
    await accepted('test/heard', envelope)
    await accepted('test/bare')
    await accepted('notifications/cancelled', envelope)
    expect(server.messages.slice(1)).toMatchObject([{ method: 'test/heard' }])
    expect(server.connections).toHaveLength(1)
  })
})

describe('arguments that are mirrored in headers', () => {
  const inputSchema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } }
  const deploy = modern('tools/call', { name: 'deploy', arguments: { region: 'eu' } })
  const lists: Parameters<typeof served>[1] = (request) =>
    request.method === 'tools/list'
      ? { jsonrpc: '2.0', id: request.id, result: { tools: [{ name: 'deploy', inputSchema }] } }
      : echo(request)

  test('are checked after the client has received the list of tools [HDR-S-14, HDR-S-18]', async () => {
    const server = await served({ gate: byName }, lists)
    expect((await server.ask(postOf(deploy))).status).toBe(200)
    await server.ask(postOf(modern('tools/list')))
    const refused = await server.ask(postOf(deploy))
    expect(refused.status).toBe(400)
    expect(refused.messages).toMatchObject([
      { id: 1, error: { code: -32_020, data: { header: 'mcp-param-region' } } },
    ])
    expect((await server.ask(postOf(deploy, { 'mcp-param-region': 'us' }))).status).toBe(400)
    expect((await server.ask(postOf(deploy, { 'mcp-param-region': 'eu' }))).status).toBe(200)
    // The schemas of one principal do not apply to another.
    expect((await server.ask(as('other', deploy))).status).toBe(200)
  })
})
