import { type Profiler, Session } from 'node:inspector/promises'
import { isRequest, serve } from '@mcpwire/core'
import { initializeParams } from '@mcpwire/test-support/messages'
import { httpServer } from '../../src/node/index.js'

// Prints the source files of this package in which a function runs during one `tools/call` POST of a session.

const SOURCES = '/packages/http/src/'

const listener = httpServer({ port: 0 })
await serve(listener, async (connection) => {
  connection.onmessage = (message) => {
    if (!isRequest(message)) return
    const result = message.method === 'initialize' ? { protocolVersion: '2025-11-25' } : { content: [] }
    void connection.send({ jsonrpc: '2.0', id: message.id, result })
  }
  await connection.start()
})

const params = initializeParams()
const opened = await post({ id: 1, method: 'initialize', params })
await opened.text()
const session = {
  'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
  'mcp-protocol-version': '2025-11-25',
}
for (let id = 2; id < 5; id++) await callTool(id)
console.log(JSON.stringify(await filesUsedBy(() => callTool(5))))
await listener.close()

async function callTool(id: number): Promise<void> {
  const response = await post({ id, method: 'tools/call', params: { name: 'echo', arguments: {} } }, session)
  await response.json()
}

async function post(message: object, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(listener.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return response
}

async function filesUsedBy(work: () => Promise<void>): Promise<string[]> {
  const inspector = new Session()
  inspector.connect()
  await inspector.post('Profiler.enable')
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  // The first call resets the counters.
  await inspector.post('Profiler.takePreciseCoverage')
  await work()
  const { result } = await inspector.post('Profiler.takePreciseCoverage')
  inspector.disconnect()
  return result
    .filter(({ url, functions }) => url.includes(SOURCES) && functions.some(isCalled))
    .map(({ url }) => url.slice(url.indexOf(SOURCES) + SOURCES.length))
    .sort()
}

function isCalled({ ranges }: Profiler.FunctionCoverage): boolean {
  return ranges.some(({ count }) => count > 0)
}
