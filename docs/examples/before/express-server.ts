//#region before
import { randomUUID } from 'node:crypto'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import express from 'express'
import { newServerV1 } from '../support/new-server.js'

const app = express()
app.use(express.json())
const transports = new Map<string, StreamableHTTPServerTransport>()

app.post('/mcp', async (request, response) => {
  const sessionId = request.headers['mcp-session-id'] as string | undefined
  let transport = sessionId === undefined ? undefined : transports.get(sessionId)
  if (transport === undefined && sessionId === undefined && isInitializeRequest(request.body)) {
    const created = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void transports.set(id, created),
      enableDnsRebindingProtection: true,
      allowedHosts: ['127.0.0.1:3000'],
    })
    created.onclose = () => {
      if (created.sessionId !== undefined) transports.delete(created.sessionId)
    }
    await newServerV1().connect(created)
    transport = created
  }
  if (transport === undefined) {
    const error = { code: -32_000, message: 'Bad Request: no valid session ID' }
    response.status(400).json({ jsonrpc: '2.0', error, id: null })
    return
  }
  await transport.handleRequest(request, response, request.body)
})

app.get('/mcp', async (request, response) => {
  const transport = transports.get(request.headers['mcp-session-id'] as string)
  if (transport === undefined) response.status(400).send('Invalid session ID')
  else await transport.handleRequest(request, response)
})

app.delete('/mcp', async (request, response) => {
  const transport = transports.get(request.headers['mcp-session-id'] as string)
  if (transport === undefined) response.status(400).send('Invalid session ID')
  else await transport.handleRequest(request, response)
})

const httpServer = app.listen(3000, '127.0.0.1')
process.on('SIGTERM', async () => {
  for (const transport of transports.values()) await transport.close()
  httpServer.close()
})
//#endregion
