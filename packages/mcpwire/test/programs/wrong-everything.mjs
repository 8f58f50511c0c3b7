// Does what the demonstration asks of `@modelcontextprotocol/server-everything`, but answers `echo` wrongly.
import { createInterface } from 'node:readline'

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const text = (said) => ({ content: [{ type: 'text', text: said }] })

const answers = {
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
  // The one that is to be cancelled is never done.
  const [reached, isEndless] = steps > 3 ? [1, true] : [steps, false]
  for (let progress = 1; progress <= reached; progress++)
    write({ method: 'notifications/progress', params: { progressToken, progress, total: steps } })
  if (isEndless) return undefined
  return text(`Long running operation completed. Duration: ${duration} seconds, Steps: ${steps}.`)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  const answer = answers[method]
  if (id === undefined) continue
  if (!answer) write({ id, error: { code: -32_601, message: 'Method not found' } })
  else {
    const result = answer(params)
    if (result) write({ id, result })
  }
}
