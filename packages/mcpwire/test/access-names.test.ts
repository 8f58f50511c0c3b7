import { type IncomingMessage, request } from 'node:http'
import { expect, test, vi } from 'vitest'
import { listening } from './support/listening.js'

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25' },
})

interface Answer {
  readonly status: number | undefined
  readonly text: string
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks = await response.toArray()
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() }
}

/** A POST request with these headers: `fetch` would not send another `Host`. */
function post(url: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const common = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const sent = request(url, { method: 'POST', headers: { ...common, ...headers } }, (response) => {
      readAnswer(response).then(resolve, reject)
    })
    sent.on('error', reject).end(INITIALIZE)
  })
}

/** The status of the handshake of a WebSocket with these headers. */
function upgrade(url: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const handshake = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'sec-websocket-protocol': 'mcp',
    }
    const sent = request(url.replace(/^ws/, 'http'), { headers: { ...handshake, ...headers } })
    sent.on('error', reject).on('upgrade', ({ statusCode: status }, socket) => {
      socket.destroy()
      resolve({ status, text: '' })
    })
    sent.on('response', (response) => {
      readAnswer(response).then(resolve, reject)
    })
    sent.end()
  })
}

const URLS = ['http://127.0.0.1:0/mcp', 'ws://127.0.0.1:0/mcp']

/** Headers of a request, and the status of the response with and without the flags. */
const cases: readonly (readonly [headers: Record<string, string>, withFlags: number, without: number])[] = [
  [{}, 200, 200],
  [{ host: 'localhost:7000' }, 200, 200],
  [{ host: 'mcp.example' }, 200, 403],
  [{ host: 'MCP.example:8443' }, 200, 403],
  [{ host: 'mcp.example.evil.example' }, 421, 403],
  [{ host: 'evil.example' }, 421, 403],
  [{ host: 'mcp.example.' }, 400, 403],
  [{ origin: 'http://localhost:3000' }, 200, 200],
  [{ origin: 'https://app.example' }, 200, 403],
  [{ origin: 'https://app.example:8443' }, 403, 403],
  [{ origin: 'https://app.example.evil.example' }, 403, 403],
  [{ origin: 'null' }, 403, 403],
]

test('--allow-host and --allow-origin admit their names, beside those of this host, over http and ws', async () => {
  const flags = ['--allow-host', 'mcp.example', '--allow-origin', 'https://app.example']
  const admitting = await listening(URLS, flags)
  const strict = await listening(URLS)
  for (const [bridge, index] of [
    [admitting, 1],
    [strict, 2],
  ] as const) {
    const [http = '', ws = ''] = bridge.addresses
    for (const each of cases) {
      const [headers, status] = [each[0], each[index]]
      expect(await post(http, headers), JSON.stringify(headers)).toMatchObject({ status })
      expect(await upgrade(ws, headers), JSON.stringify(headers)).toMatchObject({
        status: status === 200 ? 101 : status,
      })
    }
  }
  const [http = ''] = strict.addresses
  const { text } = await post(http, { host: 'mcp.example' })
  expect(text).toContain('the Host header has no local name; see --allow-host of mcpwire bridge')
  await vi.waitFor(() => {
    const lines = strict.logged().join('\n')
    expect(lines).toMatch(/REFUSED: http:\S+ was refused \(403\): the Host header has .*--allow-host/)
    expect(lines).toMatch(/REFUSED: ws:\S+ was refused \(403\): the Origin header has .*--allow-origin/)
  })
})
