//#region before
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { newServer } from '../support/new-server.js'

const transports = new Map<string, NodeStreamableHTTPServerTransport>()
createServer(async (request, response) => {
  let transport = transports.get(String(request.headers['mcp-session-id']))
  if (transport === undefined) {
    const created = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void transports.set(id, created),
      onsessionclosed: (id) => void transports.delete(id),
    })
    await newServer().connect(created)
    transport = created
  }
  await transport.handleRequest(request, response)
}).listen(3000, '127.0.0.1')
//#endregion
