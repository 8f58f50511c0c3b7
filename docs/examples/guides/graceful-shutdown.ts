//#region shutdown
import { serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from '../support/slow-server.js'

const listener = await serve(
  httpServer({ port: 0 }),
  (transport) => void serveStdio(newServer, { transport }),
)

let isShuttingDown = false
async function shutDown(signal: NodeJS.Signals): Promise<void> {
  if (isShuttingDown) process.exit(1)
  isShuttingDown = true
  console.log(`${signal}: finishing ${listener.connections.size} connections`)
  await listener.close({ drainMs: 5_000 })
  console.log('closed')
}
process.on('SIGTERM', (signal) => void shutDown(signal))
process.on('SIGINT', (signal) => void shutDown(signal))

//#endregion

import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url: listener.url }))
console.log((await client.callTool({ name: 'wait' })).content)
await client.close()
await listener.closed
process.removeAllListeners('SIGTERM').removeAllListeners('SIGINT')
