import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcRequest, type Transport } from '@mcpwire/core'
import { uncaughtErrors } from '@mcpwire/test-support/uncaught-errors'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { requestHandler } from '../src/node/index.js'
import { modern, postOf } from './support/modern.js'
import { type RawHttp, type RawRequest, rawHttp } from './support/raw-http.js'
import { echo, initialize } from './support/served.js'

type Mcp = ReturnType<typeof requestHandler>

interface Mounted extends RawHttp {
  readonly mcp: Mcp
  readonly errors: Error[]
  readonly messages: unknown[]
  readonly responses: ServerResponse[]
  /** The unanswered requests, with their connections. */
  readonly asked: { readonly request: JsonRpcRequest; readonly connection: Transport }[]
  session(): Promise<Record<string, string>>
}

/** The responses of the middleware. */
const words: Record<string, (response: ServerResponse) => void> = {
  'a whole answer': (response) => void response.writeHead(503).end('timed out'),
  'the head of one': (response) => void response.writeHead(503).write('x'),
}

/** A server with a middleware that responds to each unanswered request. */
async function mounted(
  options: Parameters<typeof requestHandler>[0],
  answer: (response: ServerResponse) => void,
): Promise<Mounted> {
  const mcp = requestHandler(options)
  const asked: Mounted['asked'] = []
  const errors: Error[] = []
  const messages: unknown[] = []
  const responses: ServerResponse[] = []
  mcp.onerror = (error) => errors.push(error)
  mcp.onconnection = (connection) => {
    connection.onmessage = (request) => {
      messages.push(request)
      if (!isRequest(request)) return
      if (request.method === 'initialize') void connection.send(echo(request))
      else {
        asked.push({ request, connection })
        setImmediate(answer, responses.at(-1) as ServerResponse)
      }
    }
    void connection.start()
  }
  await mcp.start()
  const server = createServer((request, response) => {
    responses.push(response)
    mcp.handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await mcp.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const raw = rawHttp((server.address() as AddressInfo).port)
  return {
    ...raw,
    mcp,
    asked,
    errors,
    messages,
    responses,
    session: async () => {
      const { headers } = await raw.ask({ body: initialize() })
      return { 'mcp-session-id': String(headers['mcp-session-id']) }
    },
  }
}

const slow = { jsonrpc: '2.0' as const, id: 7, method: 'test/slow' }
const eras: Record<string, (server: Mounted) => Promise<RawRequest>> = {
  'a session': async (server) => ({ body: slow, headers: await server.session() }),
  '2026-07-28': async () => postOf(modern('test/slow')),
}

describe.each(Object.entries(eras))('requests of %s that a middleware answers', (_era, requestOf) => {
  test.each(Object.entries(words))('are cancelled after %s', async (_what, answer) => {
    const seen = uncaughtErrors()
    const clock = createFakeClock()
    const server = await mounted({ clock, keepAliveIntervalMs: 100, onDisconnect: 'cancel' }, answer)
    const response = await server.open(await requestOf(server))
    expect(response.status).toBe(503)
    await clock.advance(1_000)
    const [open] = server.asked
    await open?.connection.send({ jsonrpc: '2.0', id: open.request.id, result: {} }).catch(() => {})
    await server.mcp.close()
    await clock.advance(1_000)
    await turns()
    expect({ seen, errors: server.errors }).toEqual({ seen: [], errors: [] })
  })
})

describe.each(Object.entries(words))(
  'sessions whose request a middleware answered with %s',
  (_what, answer) => {
    test('reject the response of the application', async () => {
      const server = await mounted({}, answer)
      await server.open({ body: slow, headers: await server.session() })
      const [open] = server.asked
      const response = { jsonrpc: '2.0' as const, id: 7, result: {} }
      await vi.waitFor(() =>
        expect(open?.connection.send(response)).rejects.toMatchObject({ code: 'SEND_FAILED' }),
      )
    })

    test('can be deleted by the client', async () => {
      const seen = uncaughtErrors()
      const server = await mounted({}, answer)
      const headers = await server.session()
      await server.open({ body: slow, headers })
      expect((await server.ask({ method: 'DELETE', headers })).status).toBe(204)
      await vi.waitFor(() => expect(server.mcp.connections.size).toBe(0))
      expect(seen).toEqual([])
    })
  },
)

test.each([
  ['at the end of the turn', ''],
  ['at once', 'x'.repeat(10_000)],
])('ends a stream that a middleware has ended, and accepts no more text %s', async (_when, text) => {
  const seen = uncaughtErrors()
  const server = await mounted({ onDisconnect: 'cancel' }, () => {})
  const headers = await server.session()
  const opening = server.open({ body: slow, headers })
  await vi.waitFor(() => expect(server.asked).toHaveLength(1))
  const [open] = server.asked
  const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
  await open?.connection.send(note, { relatedRequestId: 7 })
  const stream = await opening
  server.responses.at(-1)?.end()
  await open?.connection.send({ ...note, params: { text } }, { relatedRequestId: 7 }).catch(() => {})
  await stream.until(() => stream.isOver, 'the stream ended')
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled' }
  await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject(cancelled))
  expect(seen).toEqual([])
})
