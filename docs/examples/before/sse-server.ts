//#region before
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import express from 'express'
import { newServerV1 } from '../support/new-server.js'

const app = express()
const transports = new Map<string, SSEServerTransport>()
app.get('/sse', async (_request, response) => {
  const transport = new SSEServerTransport('/messages', response)
  transports.set(transport.sessionId, transport)
  response.on('close', () => transports.delete(transport.sessionId))
  await newServerV1().connect(transport)
})
app.post('/messages', async (request, response) => {
  const transport = transports.get(String(request.query['sessionId']))
  if (transport === undefined) response.status(400).send('No transport found for sessionId')
  else await transport.handlePostMessage(request, response)
})
app.listen(3000, '127.0.0.1')
//#endregion
