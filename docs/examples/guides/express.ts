//#region express
import { allOf, type Gate, localOnly, serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import express from 'express'
import { newServerV1 } from '../support/new-server.js'

const bearer: Gate = {
  admit({ headers }) {
    const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1]
    if (token !== '4f1c') return { admit: false, status: 401, reason: 'a token is required' }
    return { admit: true, authInfo: { token, clientId: 'desk', scopes: [], extra: { sub: 'Ada' } } }
  },
}

const mcp = requestHandler({
  gate: allOf(localOnly(), bearer),
  httpSse: { path: '/sse', messagesPath: '/messages' },
  hooks: { responseHeaders: () => ({ 'x-served-by': 'greeter' }) },
})
mcp.onerror = (error) => console.error(error.message)

await serve(mcp, async (connection) => {
  console.log('session of', connection.peer?.authInfo?.extra?.['sub'])
  void connection.closed.then((reason) => console.log('session ended', reason?.message ?? ''))
  await newServerV1().connect(connection)
})

const app = express()
app.use(express.json({ limit: '10mb' }))
app.use((_request, response, next) => {
  response.set('referrer-policy', 'no-referrer')
  next()
})
app.get('/health', (_request, response) => void response.send('ok'))
app.all(['/mcp', '/sse', '/messages'], (request, response) => mcp.handle(request, response, request.body))

//#endregion

import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { listen } from '../support/listen.js'

const { server, url } = await listen(app)
const headers = { authorization: 'Bearer 4f1c' }
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url: `${url}/mcp`, headers }))
console.log(JSON.stringify(await client.callTool({ name: 'greet' })))
await client.close()

const old = new Client({ name: 'old', version: '1.0.0' })
await old.connect(new SSEClientTransport(new URL(`${url}/sse`), { requestInit: { headers } }))
console.log(`HTTP+SSE: ${JSON.stringify(await old.callTool({ name: 'greet' }))}`)
await old.close()

const refused = await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })
console.log(refused.status, refused.headers.get('x-served-by'), refused.headers.get('referrer-policy'))
console.log(await (await fetch(`${url}/health`)).text())
await mcp.close()
server.closeAllConnections()
server.close()
