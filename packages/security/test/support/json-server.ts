import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server on this host, and the requests that it received. */
export interface JsonServer {
  readonly origin: string
  readonly requests: string[]
}

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => unknown

/** Starts a server. It responds with the JSON of what `answer` returns, unless that is `undefined`. */
export async function jsonServer(answer: Answer): Promise<JsonServer> {
  const requests: string[] = []
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    requests.push(`${request.method} ${request.url}`)
    const value = answer(request, body, response)
    if (value !== undefined) response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  }
  const server = createServer((request, response) => void respond(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}
