import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isRequest, serve } from '@mcpwire/core'
import express from 'express'
import { expect, onTestFinished, test } from 'vitest'
import { requestHandler } from '../src/node/index.js'
import { type OpenAnswer, type RawHttp, rawHttp } from './support/raw-http.js'
import { echo, initialize, served } from './support/served.js'

const httpSse = { path: '/sse', messagesPath: '/messages' }
const ask = { jsonrpc: '2.0' as const, id: 1, method: 'test/ask', params: {} }

/** Opens the stream at that path, and yields where messages are sent. */
async function opened(raw: RawHttp, path = '/sse'): Promise<{ events: OpenAnswer; messages: string }> {
  const events = await raw.open({ method: 'GET', path, headers: { accept: 'text/event-stream' } })
  await events.until(() => events.events.length === 1, 'the first event came')
  return { events, messages: events.events[0]?.data ?? '' }
}

test('sends an error in place of a response that cannot be sent', async () => {
  const server = await served({ httpSse, maxMessageBytes: 1_024 }, ({ id }) => ({
    jsonrpc: '2.0',
    id,
    result: { text: 'x'.repeat(5_000) },
  }))
  const { events, messages } = await opened(server)
  await server.ask({ path: messages, body: initialize('2024-11-05') })
  await server.ask({ path: messages, body: ask })
  await events.until(() => events.events.length === 3, 'the answer came')
  expect(JSON.parse(events.events[2]?.data ?? '')).toMatchObject({ id: 1, error: { code: -32603 } })
  expect(server.errors).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }])
})

type Mount = (app: express.Express, handle: express.RequestHandler) => void

const middleware =
  (path: string): Mount =>
  (app, handle) =>
    void app.use(path, handle)

/** Mounts a router at that path, with a route for each path of the transport. */
const router =
  (path: string, ...before: express.RequestHandler[]): Mount =>
  (app, handle) =>
    void app.use(path, ...before, express.Router().all(['/sse', '/messages'], handle))

const nestedRouters: Mount = (app, handle) => {
  const inner = express.Router().all(['/sse', '/messages'], handle)
  app.use('/api', express.Router().use('/v2', inner))
}

test.each<[string, string, typeof httpSse, Mount]>([
  ['a middleware', '/api', httpSse, middleware('/api')],
  ['a middleware', '/api/v1', httpSse, middleware('/api/v1')],
  ['a middleware', '/events', { path: '/', messagesPath: '/messages' }, middleware('/events')],
  ['an Express router', '/api', httpSse, router('/api')],
  ['an Express router behind express.json()', '/api', httpSse, router('/api', express.json())],
  ['nested Express routers', '/api/v2', httpSse, nestedRouters],
])('as %s, names the path for messages below the mount path %s', async (_how, mountedAt, paths, mount) => {
  const mcp = requestHandler({ httpSse: paths })
  await serve(mcp, async (connection) => {
    connection.onmessage = (message) => isRequest(message) && void connection.send(echo(message))
    await connection.start()
  })
  onTestFinished(() => mcp.close())
  const app = express()
  mount(app, (request, response) => mcp.handle(request, response, request.body))
  const host = createServer(app)
  onTestFinished(() => void host.close())
  await once(host.listen(0, '127.0.0.1'), 'listening')
  const raw = rawHttp((host.address() as AddressInfo).port)
  const { events, messages } = await opened(raw, `${mountedAt}${paths.path}`.replace(/\/$/, ''))
  expect(messages).toMatch(new RegExp(`^${mountedAt}/messages\\?sessionId=`))
  expect((await raw.ask({ path: messages, body: ask })).status).toBe(202)
  await events.until(() => events.events.length === 2, 'the answer came')
})
