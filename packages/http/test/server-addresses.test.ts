import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRequest, localOnly } from '@mcpwire/core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { requestHandler } from '../src/node/index.js'
import { initialize } from './support/served.js'

const headers = {
  host: 'localhost',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
}
const body = JSON.stringify(initialize())

/** A server with an endpoint, the addresses that its gate received, and the methods that were called. */
async function serving(
  where: ListenOptions,
): Promise<{ server: Server; addresses: unknown[]; methods: string[] }> {
  const addresses: unknown[] = []
  const methods: string[] = []
  const mcp = requestHandler({
    gate: {
      admit: (handshake, signal) => {
        addresses.push(handshake.remote.address)
        return localOnly().admit(handshake, signal)
      },
    },
  })
  mcp.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if (!isRequest(message)) return
      methods.push(message.method)
      connection.send({ jsonrpc: '2.0', id: message.id, result: {} }).catch(() => {})
    }
    void connection.start()
  }
  await mcp.start()
  const server = createServer((asked, answer) => mcp.handle(asked, answer))
  await new Promise<void>((resolve) => server.listen(where, resolve))
  onTestFinished(async () => {
    await mcp.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, addresses, methods }
}

test('does not treat a client whose socket was reset as local', async () => {
  const { server, addresses, methods } = await serving({ port: 0, host: '127.0.0.1' })
  const { port } = server.address() as AddressInfo
  const lines = Object.entries({ ...headers, 'content-length': String(body.length) })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const program = `
const socket = require('node:net').connect(${port}, '127.0.0.1', () => {
  socket.write(${JSON.stringify(`POST /mcp HTTP/1.1\r\n${head}\r\n${body}`)}, () => socket.resetAndDestroy())
})`
  // In one turn of the event loop, so that the server reads after the client has reset.
  execFileSync(process.execPath, ['-e', program])
  await vi.waitFor(() => expect(addresses).toEqual(['unknown']))
  await new Promise((resolve) => setImmediate(resolve))
  expect(methods).toEqual([])
})

test('treats a client at a Unix socket as local', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'http-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const socketPath = join(folder, 'socket')
  const { addresses, methods } = await serving({ path: socketPath })
  const status = await new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/mcp', method: 'POST', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject).end(body)
  })
  expect(status).toBe(200)
  expect(addresses).toEqual([undefined])
  expect(methods).toEqual(['initialize'])
})
