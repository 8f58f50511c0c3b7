//#region after
import { type Gate, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { newServerV1 } from '../support/new-server.js'

const allowedHosts = ['tools.example', '127.0.0.1']
const allowedOrigins = ['https://app.example']

const gate: Gate = {
  admit({ host = '', headers: { origin } }) {
    const hostname = host.replace(/:\d+$/, '')
    if (!allowedHosts.includes(hostname)) {
      return { admit: false, status: 403, reason: 'this Host is not allowed' }
    }
    if (origin !== undefined && !allowedOrigins.includes(origin)) {
      return { admit: false, status: 403, reason: 'this Origin is not allowed' }
    }
    return { admit: true }
  },
}
const listener = await serve(httpServer({ port: 0, gate }), (connection) => newServerV1().connect(connection))

//#endregion

import { request } from 'node:http'

/** The status of a POST with these headers. `fetch` cannot set `Host`. */
async function statusWith(headers: Record<string, string>): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    const common = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    request(listener.url, { method: 'POST', headers: { ...common, ...headers } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end(body)
  })
}
console.log('rebound name', await statusWith({ host: 'evil.example' }))
console.log('foreign page', await statusWith({ host: 'tools.example', origin: 'https://evil.example' }))
console.log('allowed page', await statusWith({ host: 'tools.example', origin: 'https://app.example' }))
await listener.close()
