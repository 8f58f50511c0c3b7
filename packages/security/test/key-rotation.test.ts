import { expect, test } from 'vitest'
import { apiKey } from '../src/node/index.js'
import { type Wire, wires } from './support/wires.js'

const OLD = 'laptop-old-0123456789abcdef'
const NEW = 'laptop-new-0123456789abcdef'
const OTHER = 'other-key-0123456789abcdef'
const [http] = wires

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
}
const ask = { jsonrpc: '2.0', id: 2, method: 'tools/list' }

async function post(url: string, key: string, message: object, sessionId?: string): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'x-api-key': key,
      ...(sessionId !== undefined && { 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' }),
    },
    body: JSON.stringify(message),
  })
  await response.text()
  return response
}

test('a session over HTTP is that of a name: another key of the name continues it, a key of another name does not', async () => {
  const { listener, connections } = await (http as Wire).serve(apiKey({ laptop: [OLD, NEW], other: OTHER }))
  const opening = await post(listener.url, OLD, initialize)
  const sessionId = opening.headers.get('mcp-session-id') ?? 'none'
  const statuses = []
  for (const key of [OLD, NEW, OTHER]) statuses.push((await post(listener.url, key, ask, sessionId)).status)
  expect(statuses).toEqual([200, 200, 404])
  expect(connections).toHaveLength(1)
})
