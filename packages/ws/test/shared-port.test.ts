import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { upgradeHandler } from '../src/node/index.js'
import { type RawClient, type RawRequest, rawClient, upgradeRequest } from './support/raw-client.js'
import { eventually } from './support/serving.js'

/** An HTTP server that listens, with what nobody caught while it did. */
async function hosting(): Promise<{ server: Server; port: number; uncaught: Error[] }> {
  const uncaught: Error[] = []
  const note = (error: Error): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  const server = createServer((_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  onTestFinished(async () => {
    process.off('uncaughtException', note)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, port: (server.address() as AddressInfo).port, uncaught }
}

async function takingAt(server: Server, path: string): Promise<void> {
  const listener = upgradeHandler({ server, path, closeTimeoutMs: 100 })
  listener.onconnection = (connection) => void connection.start()
  await listener.start()
  onTestFinished(() => listener.close())
}

async function asking(port: number, request: RawRequest): Promise<RawClient> {
  const client = await rawClient(port, upgradeRequest(port, request))
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
