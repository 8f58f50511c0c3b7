import { until } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type JsonRpcRequest, type Transport } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import type { HttpServerOptions } from '../src/node/index.js'
import { type Served, served } from './support/served.js'

const call: JsonRpcRequest = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'ask' } }
const methods = ['elicitation/create', 'sampling/createMessage', 'roots/list', 'ping'] as const

/** A server whose tool sends a request to the client, and responds with the outcome. */
async function asking(
  method: string,
  options: Partial<HttpServerOptions> = {},
  isRelated = true,
): Promise<Served & { readonly outcomes: unknown[] }> {
  const outcomes: unknown[] = []
  const server = await served({ responseFormat: 'json', ...options }, (request, connection) => {
    if (isRequest(request) && request.method === 'tools/call') ask(request, connection)
    return undefined
  })
  const ask = ({ id }: JsonRpcRequest, connection: Transport): void => {
    const question: JsonRpcMessage = { jsonrpc: '2.0', id: 'q', method, params: {} }
    connection.send(question, isRelated ? { relatedRequestId: id } : {}).then(
      () => outcomes.push('sent'),
      (error) => {
        outcomes.push(error)
        void connection.send({ jsonrpc: '2.0', id, result: { failed: true } })
      },
    )
  }
  return { ...server, outcomes }
}

describe("responseFormat: 'json'", () => {
  test.each(methods)('sends %s on the response, which becomes an event stream', async (method) => {
    const server = await asking(method)
    const headers = await server.session()
    const open = await server.open({ body: call, headers })
    await open.until(() => open.messages.length === 1, 'the request of the server')
    expect(open.headers['content-type']).toContain('text/event-stream')
    expect(open.messages).toMatchObject([{ id: 'q', method }])
    await server.ask({ body: { jsonrpc: '2.0', id: 'q', result: {} }, headers })
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 7, result: { done: true } })
    await open.until(() => open.isOver, 'the end')
    expect(open.messages[1]).toMatchObject({ id: 7, result: { done: true } })
    expect(server.outcomes).toEqual(['sent'])
  })

  test('sends a request that names no related one on the only response', async () => {
    const server = await asking('elicitation/create', {}, false)
    const open = await server.open({ body: call, headers: await server.session() })
    await open.until(() => open.messages.length === 1, 'the request of the server')
    expect(open.messages).toMatchObject([{ id: 'q' }])
  })

  test.each(methods)('rejects %s at once where the client accepts JSON only', async (method) => {
    const server = await asking(method)
    const headers = { ...(await server.session()), accept: 'application/json' }
    const { status, messages } = await server.ask({ body: call, headers })
    expect(status).toBe(200)
    expect(messages).toEqual([{ jsonrpc: '2.0', id: 7, result: { failed: true } }])
    expect(server.outcomes).toMatchObject([
      { code: 'SEND_FAILED', details: { delivery: 'none', hint: expect.any(String) } },
    ])
  })

  test.each(['application/json, text/event-stream', 'application/json'])(
    'uses the stream that the client has opened with GET, with accept: %s',
    async (accept) => {
      const server = await asking('elicitation/create')
      const session = await server.session()
      const stream = await server.open({
        method: 'GET',
        headers: { ...session, accept: 'text/event-stream' },
      })
      const answered = server.ask({ body: call, headers: { ...session, accept } })
      await stream.until(() => stream.messages.length === 1, 'the request of the server')
      await server.connections[0]?.send({ jsonrpc: '2.0', id: 7, result: {} })
      expect((await answered).headers['content-type']).toContain('application/json')
    },
  )

  test('leaves a poll of a task JSON, and queues the request of the server', async () => {
    const server = await asking('elicitation/create', {}, false)
    const headers = await server.session()
    const poll = server.ask({
      body: { jsonrpc: '2.0', id: 8, method: 'tasks/get', params: { taskId: 't' } },
      headers,
    })
    await until(
      () => server.messages.some((message) => 'id' in message && message.id === 8),
      'the poll',
      5_000,
    )
    const connection = server.connections[0] as Transport
    await connection.send({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: {} })
    await connection.send({ jsonrpc: '2.0', id: 8, result: {} })
    expect((await poll).headers['content-type']).toContain('application/json')
  })

  test('keeps JSON for a call without a request of the server, and for notifications', async () => {
    const server = await served({ responseFormat: 'json' }, (request, connection) => {
      const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/message', params: {} }
      void connection.send(note, { relatedRequestId: request.id })
      return { jsonrpc: '2.0', id: request.id, result: {} }
    })
    const answer = await server.ask({ body: call, headers: await server.session() })
    expect(answer.headers['content-type']).toContain('application/json')
  })
})
