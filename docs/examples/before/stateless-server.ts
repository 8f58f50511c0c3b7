//#region before
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { newServerV1 } from '../support/new-server.js'

const app = express()
app.use(express.json())
app.post('/mcp', async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  await newServerV1().connect(transport)
  await transport.handleRequest(request, response, request.body)
})
app.listen(3000, '127.0.0.1')
//#endregion
