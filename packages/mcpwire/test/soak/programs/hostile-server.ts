// An HTTP server whose event streams never complete an event. Each stream repeats one kind of line.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** All streams together get about 8 MB/s: more would be the processor time of the client's parser. */
const CHUNK_BYTES = 25_000
const CHUNK_MS = 50
const LINES = ['data:\n', 'data:\r\n', 'data: x\n', 'id: 1\n', 'event: message\n', ':\n', 'unknown\n']

let streams = 0
let sentBytes = 0

async function streamLines(response: ServerResponse): Promise<void> {
  // Most streams have the smallest line that is part of an event.
  const at = streams++
  const line = LINES[at % 2 === 0 ? 0 : at % LINES.length] as string
  const chunk = line.repeat(Math.floor(CHUNK_BYTES / line.length))
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  while (!response.destroyed) {
    sentBytes += chunk.length
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    await sleep(CHUNK_MS)
  }
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = (await request.toArray()).join('')
  if (request.method === 'GET') await streamLines(response)
  else if (text === '' || !text.includes('"id"')) response.writeHead(202).end()
  else if (text.includes('"initialize"')) {
    const { id, params } = JSON.parse(text) as { id: number; params: { protocolVersion: string } }
    const result = {
      protocolVersion: params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'hostile', version: '1' },
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  } else await streamLines(response)
}

const server = createServer((request, response) => {
  // A client that disconnects makes it reject.
  respond(request, response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
process.on('message', () => process.send?.({ address, streams, sentBytes }))
process.on('disconnect', () => process.exit())
