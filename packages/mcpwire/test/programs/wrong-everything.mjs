// A stand-in for `@modelcontextprotocol/server-everything` in the demo, with a wrong result of `echo`.
import { createInterface } from 'node:readline'

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const text = (value) => ({ content: [{ type: 'text', text: value }] })

const handlers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'wrong', version: '1.0.0' },
  }),
  'tools/list': () => ({
    tools: ['echo', 'trigger-long-running-operation'].map((name) => ({
      name,
      inputSchema: { type: 'object' },
    })),
  }),
  'tools/call': ({ name, arguments: given, _meta }) =>
    name === 'echo' ? text('Echo: wrong') : long(given, _meta),
}

function long({ duration, steps }, { progressToken }) {
  // The call that the demo cancels never completes.
  const [reached, isEndless] = steps > 3 ? [1, true] : [steps, false]
  for (let progress = 1; progress <= reached; progress++)
    write({ method: 'notifications/progress', params: { progressToken, progress, total: steps } })
  if (isEndless) return undefined
  return text(`Long running operation completed. Duration: ${duration} seconds, Steps: ${steps}.`)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  const handler = handlers[method]
  if (id === undefined) continue
  if (!handler) write({ id, error: { code: -32_601, message: 'Method not found' } })
  else {
    const result = handler(params)
    if (result) write({ id, result })
  }
}
