import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, ListenOptions, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Gate, Handshake, Listener, Verdict } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { upgradeHandler } from '../src/node/index.js'
import { type RawClient, type RawRequest, rawClient, upgradeRequest } from './support/raw-client.js'
import { eventually } from './support/serving.js'

/** An HTTP server that listens, with what nobody caught while it did. */
async function hosting(
  where: ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<{ server: Server; port: number; uncaught: Error[] }> {
  const uncaught: Error[] = []
  const note = (error: Error): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  const server = createServer((_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(where, resolve))
  onTestFinished(async () => {
    process.off('uncaughtException', note)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, port: (server.address() as AddressInfo).port, uncaught }
}

async function takingAt(server: Server, path: string, gate?: Gate): Promise<Listener> {
  const listener = upgradeHandler({ server, path, gate, closeTimeoutMs: 100 })
  listener.onconnection = (connection) => void connection.start()
  await listener.start()
  onTestFinished(() => listener.close())
  return listener
}

async function asking(where: number | { path: string }, request: RawRequest): Promise<RawClient> {
  const isPort = typeof where === 'number'
  const first = upgradeRequest(isPort ? where : 1, request)
  const client = await (isPort ? rawClient(where, first) : rawClient(0, first, where))
  onTestFinished(() => void client.socket.destroy())
  return client
}

test('a reset at a path that is for another to take is caught', async () => {
  const { server, port, uncaught } = await hosting()
  await takingAt(server, '/mcp')
  let taken: Socket | undefined
  server.on('upgrade', (_request, socket: Socket) => {
    taken = socket
  })
  const client = await asking(port, { path: '/other' })
  await eventually(() => taken !== undefined, 'the other has the socket')
  client.socket.resetAndDestroy()
  await eventually(() => taken?.destroyed === true, 'the reset arrived')
  await new Promise((resolve) => setImmediate(resolve))
  expect(uncaught).toEqual([])
})

test.each(['/a', '/b', '/c'])(
  'several share a server: %s is answered once by whoever it is for',
  async (path) => {
    const { server, port } = await hosting()
    await takingAt(server, '/a')
    await takingAt(server, '/b')
    const client = await asking(port, { path })
    await eventually(() => client.answer.status !== 0, 'it was answered')
    expect(client.answer.status).toBe(path === '/c' ? 404 : 101)
    expect(client.answer.body).toBe(path === '/c' ? 'there is nothing here\n' : '')
  },
)

test('what several of ours do not take is left to another who listens', async () => {
  const { server, port } = await hosting()
  await takingAt(server, '/a')
  await takingAt(server, '/b')
  server.on('upgrade', (request, socket) => {
    if (request.url === '/c') socket.end('HTTP/1.1 418 mine\r\n\r\n')
  })
  const client = await asking(port, { path: '/c' })
  await client.closed
  expect(client.answer.status).toBe(418)
})

test('callers at a Unix socket are on this host', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ws-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const { server } = await hosting({ path })
  const listener = await takingAt(server, '/mcp')
  const peers: unknown[] = []
  listener.onconnection = (connection) => {
    peers.push(connection.peer)
    void connection.start()
  }
  const client = await asking({ path }, {})
  await eventually(() => client.answer.status !== 0, 'it was answered')
  expect(client.answer.status).toBe(101)
  const address = `ws+unix:${path}:/mcp`
  expect(listener.address).toBe(address)
  expect(peers).toEqual([{ medium: 'ws', address }])
})

test('a caller that has reset is nobody on this host', async () => {
  const { server, port } = await hosting()
  const seen: unknown[] = []
  const admit = ({ remote }: Handshake): Verdict => {
    seen.push(remote.address)
    return { admit: true }
  }
  await takingAt(server, '/mcp', { admit })
  const program = `
const socket = require('node:net').connect(${port}, '127.0.0.1', () => {
  socket.write(${JSON.stringify(upgradeRequest(port))}, () => socket.resetAndDestroy())
})`
  // Within one turn of this process: it reads what was said only once the caller has reset.
  execFileSync(process.execPath, ['-e', program])
  await eventually(() => seen.length === 1, 'the gate was asked')
  expect(seen).toEqual(['unknown'])
})
