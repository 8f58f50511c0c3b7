import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, ListenOptions, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Gate, Handshake, Listener, Verdict } from '@mcpwire/core'
import { uncaughtErrors } from '@mcpwire/test-support/uncaught-errors'
import { expect, onTestFinished, test } from 'vitest'
import { upgradeHandler } from '../src/node/index.js'
import { type RawClient, type RawRequest, rawClient, upgradeRequest } from './support/raw-client.js'
import { eventually } from './support/serving.js'

/** A listening HTTP server, with the uncaught exceptions of the process. */
async function startHttpServer(
  where: ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<{ server: Server; port: number; uncaught: Error[] }> {
  const uncaught = uncaughtErrors()
  const server = createServer((_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(where, resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, port: (server.address() as AddressInfo).port, uncaught }
}

async function listenAt(server: Server, path: string, gate?: Gate): Promise<Listener> {
  const listener = upgradeHandler({ server, path, gate, closeTimeoutMs: 100 })
  listener.onconnection = (connection) => void connection.start()
  await listener.start()
  onTestFinished(() => listener.close())
  return listener
}

async function connectTo(where: number | { path: string }, request: RawRequest): Promise<RawClient> {
  const isPort = typeof where === 'number'
  const first = upgradeRequest(isPort ? where : 1, request)
  const client = await (isPort ? rawClient(where, first) : rawClient(0, first, where))
  onTestFinished(() => void client.socket.destroy())
  return client
}

test('catches a reset at a path of another listener', async () => {
  const { server, port, uncaught } = await startHttpServer()
  await listenAt(server, '/mcp')
  let taken: Socket | undefined
  server.on('upgrade', (_request, socket: Socket) => {
    taken = socket
  })
  const client = await connectTo(port, { path: '/other' })
  await eventually(() => taken !== undefined, 'the socket at the other listener')
  client.socket.resetAndDestroy()
  await eventually(() => taken?.destroyed === true, 'the reset')
  await new Promise((resolve) => setImmediate(resolve))
  expect(uncaught).toEqual([])
})

test.each(['/a', '/b', '/c'])(
  'sends one response for %s when several handlers share a server',
  async (path) => {
    const { server, port } = await startHttpServer()
    await listenAt(server, '/a')
    await listenAt(server, '/b')
    const client = await connectTo(port, { path })
    await eventually(() => client.response.status !== 0, 'a response')
    expect(client.response.status).toBe(path === '/c' ? 404 : 101)
    expect(client.response.body).toBe(path === '/c' ? 'not found\n' : '')
  },
)

test('leaves other paths to a foreign listener', async () => {
  const { server, port } = await startHttpServer()
  await listenAt(server, '/a')
  await listenAt(server, '/b')
  server.on('upgrade', (request, socket) => {
    if (request.url === '/c') socket.end('HTTP/1.1 418 mine\r\n\r\n')
  })
  const client = await connectTo(port, { path: '/c' })
  await client.closed
  expect(client.response.status).toBe(418)
})

test('treats callers at a Unix socket as local', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ws-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const { server } = await startHttpServer({ path })
  const listener = await listenAt(server, '/mcp')
  const peers: unknown[] = []
  listener.onconnection = (connection) => {
    peers.push(connection.peer)
    void connection.start()
  }
  const client = await connectTo({ path }, {})
  await eventually(() => client.response.status !== 0, 'a response')
  expect(client.response.status).toBe(101)
  const address = `ws+unix:${path}:/mcp`
  expect(listener.address).toBe(address)
  expect(peers).toEqual([{ medium: 'ws', address }])
})

test('does not treat a caller as local after a reset', async () => {
  const { server, port } = await startHttpServer()
  const seen: unknown[] = []
  const admit = ({ remote }: Handshake): Verdict => {
    seen.push(remote.address)
    return { admit: true }
  }
  await listenAt(server, '/mcp', { admit })
  const program = `
const socket = require('node:net').connect(${port}, '127.0.0.1', () => {
  socket.write(${JSON.stringify(upgradeRequest(port))}, () => socket.resetAndDestroy())
})`
  // Synchronously: this process reads the request only after the reset.
  execFileSync(process.execPath, ['-e', program])
  await eventually(() => seen.length === 1, 'a call of the gate')
  expect(seen).toEqual(['unknown'])
})
