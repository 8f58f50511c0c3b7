// The client program of the suite: `ask.js <port of the host> <URL of the suite's server>`. The suite starts dozens at
// once, and loading an SDK takes half a second. A host loads it once and runs the scenarios.
import { connect } from 'node:net'
import type { Order } from './order.js'

const [port, url = ''] = process.argv.slice(2)
const order: Order = {
  scenario: process.env['MCP_CONFORMANCE_SCENARIO'] ?? '',
  version: process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] ?? '',
  context: process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}',
  url,
}

const host = connect(Number(port), '127.0.0.1')
host.setEncoding('utf8').on('data', (failure) => {
  process.exitCode = 1
  console.error(String(failure))
})
host.end(JSON.stringify(order))
