//#region server
import { serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { cors, originIn } from '@mcpwire/security'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from '../support/new-server.js'

const origins = ['https://app.example']
const listener = await serve(
  httpServer({ port: 0, hooks: cors({ origins }), gate: originIn(origins) }),
  (transport) => void serveStdio(newServer, { transport }),
)

//#endregion

import { request } from 'node:http'
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'
import { serveGreeter } from '../support/serve-greeter.js'
import { toolNames } from './page.js'

async function preflightFrom(origin: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type, mcp-protocol-version',
    }
    request(listener.url, { method: 'OPTIONS', headers }, (response) => {
      response.resume()
      resolve(`${response.statusCode} ${response.headers['access-control-allow-origin'] ?? 'no origin'}`)
    })
      .on('error', reject)
      .end()
  })
}

console.log('preflight of the page:', await preflightFrom('https://app.example'))
console.log('preflight of another:', await preflightFrom('https://evil.example'))

const client = new Client({ name: 'page', version: '1.0.0' })
await client.connect(httpClient({ url: listener.url, headers: { origin: 'https://app.example' } }))
const names = (await client.listTools()).tools.map(({ name }) => name)
const open = await serveGreeter()
console.log(names, await toolNames(open.url, async () => 'token'))
await open.close()
await client.close()
await listener.close()
