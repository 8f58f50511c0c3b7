import type { Server } from 'node:http'
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'

/** Asks what serves MCP at `/mcp` for its name. */
export async function tryOut(server: Server): Promise<void> {
  const bound = server.address()
  if (typeof bound !== 'object' || bound === null) throw new Error('it does not listen')
  const client = new Client({ name: 'demo', version: '1.0.0' })
  await client.connect(httpClient({ url: `http://127.0.0.1:${bound.port}/mcp` }))
  console.log(client.getServerVersion()?.name)
  await client.close()
}
