// A client sends a response again where it cannot know that the first copy arrived.

import { serve } from '@mcpwire/core'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { EmptyResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/node/index.js'
import { rawHttp } from './support/raw-http.js'
import { initialize } from './support/served.js'

test.each([
  ['a result', { result: {} }],
  ['an error', { error: { code: -1, message: 'declined' } }],
])('accepts each copy of %s, and its request gets the first one', async (_what, content) => {
  const servers: Server[] = []
  const listener = await serve(httpServer({ port: 0 }), async (transport) => {
    const server = new Server({ name: 's', version: '1' }, { capabilities: {} })
    servers.push(server)
    await server.connect(transport)
  })
  onTestFinished(() => listener.close())
  const http = rawHttp(Number(new URL(listener.url).port))
  const opened = await http.ask({ body: initialize() })
  const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
  await http.ask({ body: { jsonrpc: '2.0', method: 'notifications/initialized' }, headers })
  const get = await http.open({ method: 'GET', headers: { ...headers, accept: 'text/event-stream' } })
  const outcome = servers[0]?.request({ method: 'ping' }, EmptyResultSchema).catch((error) => ({ error }))
  await get.until(() => get.messages.length === 1, 'the request of the server')
  const { id } = get.messages[0] as { id: unknown }
  for (let copy = 0; copy < 3; copy++)
    expect(await http.ask({ body: { jsonrpc: '2.0', id, ...content }, headers })).toMatchObject({
      status: 202,
    })
  expect(await outcome).toMatchObject('result' in content ? content.result : { error: { code: -1 } })
  expect(await http.ask({ body: { jsonrpc: '2.0', id: 9, method: 'ping' }, headers })).toMatchObject({
    status: 200,
    messages: [{ id: 9, result: {} }],
  })
})
