import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Gate, Handshake, Listener, RefusedCaller } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { runNginx } from '@mcpwire/test-support/nginx'
import { freePort } from '@mcpwire/test-support/ports'
import { missing, nginxProgram } from '@mcpwire/test-support/system-packages'
import { wsServer } from '@mcpwire/ws/node'
import { expect, onTestFinished, test } from 'vitest'
import { type ProxyIdentityOptions, trustedProxies } from '../src/index.js'

const TIMEOUT_MS = 300_000
/** The address of the caller, which is neither that of nginx nor of the server. */
const CALLER = '127.0.0.9'
const OTHER = '127.0.0.10'

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
})

interface Behind {
  readonly port: number
  readonly callers: Handshake[]
  readonly peers: (string | undefined)[]
  readonly refused: RefusedCaller[]
}

/** A server behind an nginx that extends `X-Forwarded-For`. It admits `CALLER` alone. */
async function behindNginx(medium: 'http' | 'ws', identity?: ProxyIdentityOptions): Promise<Behind> {
  const callers: Handshake[] = []
  const peers: (string | undefined)[] = []
  const refused: RefusedCaller[] = []
  const proxies = trustedProxies(['127.0.0.1'])
  const byIdentity = identity && proxies.identity(identity)
  const gate: Gate = {
    admit: (handshake, signal) => {
      callers.push(handshake)
      if (handshake.remote.address !== CALLER) return { admit: false, status: 403, reason: 'another address' }
      return byIdentity ? byIdentity.admit(handshake, signal) : { admit: true }
    },
  }
  const options = { port: 0, gate, resolveCaller: proxies.resolveCaller }
  const listener: Listener = medium === 'http' ? httpServer(options) : wsServer(options)
  listener.onrefused = (caller) => refused.push(caller)
  listener.onconnection = (connection) => {
    peers.push(connection.peer?.address)
    connection.onmessage = (message) => {
      if (!('method' in message) || !('id' in message)) return
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        serverInfo: { name: 's', version: '1' },
      }
      void connection.send({ jsonrpc: '2.0', id: message.id, result }).catch(() => {})
    }
    connection.start().catch(() => {})
  }
  onTestFinished(() => listener.close())
  await listener.start()
  const own = await freePort()
  await runNginx(
    `server {
      listen 127.0.0.1:${own};
      location / {
        proxy_pass http://127.0.0.1:${new URL(listener.address ?? '').port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-User alice;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $http_connection;
      }
    }`,
    own,
  )
  return { port: own, callers, peers, refused }
}

async function status(
  port: number,
  localAddress: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<number | undefined> {
  const sent = request({
    port,
    host: '127.0.0.1',
    localAddress,
    path: '/mcp',
    method: body === undefined ? 'GET' : 'POST',
    headers,
  })
  onTestFinished(() => void sent.destroy())
  sent.on('error', () => {}).end(body)
  const [response] = (await Promise.race([once(sent, 'response'), once(sent, 'upgrade')])) as [
    IncomingMessage,
  ]
  response.socket?.on('error', () => {})
  response.destroy()
  return response.statusCode
}

const json = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }
const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'mcp',
}

test.for([
  ['http', json, INITIALIZE, 200],
  ['ws', upgrade, undefined, 101],
] as const)(
  'serves the caller over %s behind nginx',
  { timeout: TIMEOUT_MS },
  async ([medium, headers, body, ok], { skip }) => {
    const why = missing(nginxProgram)
    if (why !== undefined) skip(why)
    const server = await behindNginx(medium)
    const ask = (from: string, more: Readonly<Record<string, string>> = {}): Promise<number | undefined> =>
      status(server.port, from, { ...headers, ...more }, body)

    expect(await ask(CALLER)).toBe(ok)
    expect(server.callers[0]).toMatchObject({ remote: { address: CALLER }, scheme: medium })
    expect(server.peers[0]).toContain(CALLER)

    // A caller cannot name another address: neither one that the gate admits nor the one of nginx.
    for (const forged of [CALLER, '127.0.0.1', `${CALLER}, 127.0.0.1`]) {
      expect(await ask(OTHER, { 'x-forwarded-for': forged, forwarded: `for=${CALLER}` })).toBe(403)
      expect(server.callers.at(-1)).toMatchObject({ remote: { address: OTHER } })
      expect(server.refused.at(-1)?.address).toContain(OTHER)
    }
    expect(await ask(OTHER, { 'x-forwarded-for': '<script>' })).toBe(400)
    expect(server.peers).toHaveLength(1)
  },
)

test('takes the user from nginx, and not from the caller', { timeout: TIMEOUT_MS }, async ({ skip }) => {
  const why = missing(nginxProgram)
  if (why !== undefined) skip(why)
  const server = await behindNginx('http', {})
  expect(await status(server.port, CALLER, { ...json, 'x-forwarded-user': 'mallory' }, INITIALIZE)).toBe(200)
  expect(server.callers.at(-1)?.headers['x-forwarded-user']).toBe('alice')
})
