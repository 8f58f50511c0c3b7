// Pages in a browser against the listeners of every wire that a browser can reach.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type JsonRpcMessage, type Listener, localOnly, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { tcpServer } from '@mcpwire/tcp'
import { pageInChromium, pageWith } from '@mcpwire/test-support/chromium'
import { unixServer } from '@mcpwire/unix'
import { wsServer } from '@mcpwire/ws/node'
import { expect, onTestFinished, test } from 'vitest'
import { folder } from './support/listening.js'

const TIMEOUT_MS = 300_000
const SCRIPT = readFileSync(new URL('./programs/attacking-page.js', import.meta.url), 'utf8')

/** A request that every server answers, in the revision that needs the fewest headers. */
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'page', version: '1' } },
} as const

/** A listener, and what reached the application behind it. */
interface Target {
  readonly listener: Listener
  readonly received: JsonRpcMessage[]
}

async function serving(listener: Listener): Promise<Target> {
  const received: JsonRpcMessage[] = []
  await serve(listener, async (connection) => {
    connection.onmessage = (message) => {
      received.push(message)
      if ('id' in message && 'method' in message)
        void connection.send({ jsonrpc: '2.0', id: message.id, result: {} }).catch(() => {})
    }
    await connection.start()
  })
  onTestFinished(() => listener.close())
  return { listener, received }
}

async function site(): Promise<number> {
  const server = createServer(pageWith(SCRIPT))
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** CORS for the pages that `localOnly()` admits. */
const cors = {
  preflight: () => ({
    status: 204,
    headers: { 'access-control-allow-methods': 'POST', 'access-control-allow-headers': 'content-type' },
  }),
  responseHeaders: () => ({ 'access-control-allow-origin': '*' }),
}

async function targets(): Promise<Record<'tcp' | 'unix' | 'ws' | 'http', Target>> {
  return {
    tcp: await serving(tcpServer({ port: 0 })),
    unix: await serving(unixServer({ path: join(folder(), 'socket') })),
    ws: await serving(wsServer({ port: 0, gate: localOnly() })),
    http: await serving(httpServer({ port: 0, gate: localOnly(), hooks: cors })),
  }
}

/** The URLs by which a page can address a listener: by the address, and by the name of the page. */
function urlsOf({ listener }: Target, ...hosts: string[]): string[] {
  const { port } = new URL(listener.url)
  return hosts.map((host) => `http://${host}:${port}/mcp`)
}

test('nothing that a page of a foreign name sends reaches a server', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const page = await pageInChromium(skip)
  const all = await targets()
  await page.goto(`http://evil.example:${await site()}/`)
  for (const name of ['tcp', 'ws', 'http'] as const) {
    for (const url of urlsOf(all[name], '127.0.0.1', 'evil.example')) {
      const outcomes = await page.evaluate(`attack(${JSON.stringify(url)}, ${JSON.stringify(initialize)})`)
      expect(outcomes, url).toMatchObject({
        'fetch with JSON': expect.stringMatching(/^(failed|status 403)$/),
        WebSocket: 'failed',
      })
      expect(all[name].received, url).toEqual([])
    }
  }
  // A browser has no way to address a socket file.
  expect(all.unix.received).toEqual([])
})

test('a page of another port of this host reaches http and ws, and no tcp listener', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const page = await pageInChromium(skip)
  const all = await targets()
  await page.goto(`http://127.0.0.1:${await site()}/`)
  const outcomes: Record<string, unknown> = {}
  for (const name of ['tcp', 'ws', 'http'] as const) {
    const [url] = urlsOf(all[name], '127.0.0.1')
    outcomes[name] = await page.evaluate(`attack(${JSON.stringify(url)}, ${JSON.stringify(initialize)})`)
  }
  expect(outcomes).toMatchObject({
    tcp: { 'fetch with JSON': 'failed', WebSocket: 'failed' },
    ws: { 'fetch with JSON': 'failed', WebSocket: 'answered' },
    http: { 'fetch with JSON': 'status 200', WebSocket: 'failed' },
  })
  expect({
    tcp: all.tcp.received.length,
    ws: all.ws.received.length,
    http: all.http.received.length,
    unix: all.unix.received.length,
  }).toEqual({ tcp: 0, ws: 1, http: 1, unix: 0 })
})
