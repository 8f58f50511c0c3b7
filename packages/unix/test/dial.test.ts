import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createFakeClock, startLeakCheck, until } from '@mcpwire/compliance'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { makeStaleSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { runCommand } from './support/programs.js'

const TIMEOUT_MS = 30_000

async function failureOf(path: string): Promise<unknown> {
  return await unixClient({ path })
    .start()
    .catch((reason: unknown) => reason)
}

/** Listens with the shortest backlog, fills it, and accepts only after reading a line. */
const BUSY = `
  const { connect, createServer } = require('node:net')
  const { readSync, writeSync } = require('node:fs')
  createServer((socket) => socket.resume()).listen({ path: process.argv[1], backlog: 1 }, () => {
    connect({ path: process.argv[1] })
    connect({ path: process.argv[1] })
    writeSync(1, '"ready"\\n')
    readSync(0, Buffer.alloc(8))
  })`

describe('a client', () => {
  test('rejects start() with CONNECT_FAILED and the reason for a path without a server', async () => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'directory'))
    await makeStaleSocket(join(folder, 'stale'))
    for (const [name, reason] of [
      ['none', 'does not exist'],
      ['none/either', 'does not exist'],
      ['file/below', 'does not exist'],
      ['file', 'connection refused'],
      ['directory', 'connection refused'],
      ['stale', 'connection refused'],
    ] as const) {
      const path = join(folder, name)

      expect(await failureOf(path)).toMatchObject({
        code: 'CONNECT_FAILED',
        message: expect.stringContaining(reason),
        details: {
          address: `unix:${path}`,
          option: 'path',
          hint: expect.stringContaining('path is correct'),
        },
      })
    }
  })

  test('retries while the backlog of the server is full', async () => {
    const path = join(await temporaryFolder(), 'server')
    const server = runCommand(process.execPath, ['-e', BUSY, path])
    await server.nextLine()
    const full = connect({ path })
    const [error] = await once(full, 'error')
    expect(error).toMatchObject({ code: 'EAGAIN' })
    const client = unixClient({ path })
    onTestFinished(() => client.close())
    const started = client.start()
    server.write('go on')

    await started
    expect(client.state).toBe('open')
  })

  test('stops retrying at connectTimeoutMs or when aborted, and releases everything', async () => {
    const path = join(await temporaryFolder(), 'server')
    await runCommand(process.execPath, ['-e', BUSY, path]).nextLine()
    const leaks = await startLeakCheck()
    const clock = createFakeClock()
    const late = unixClient({ path, clock, connectTimeoutMs: 500 }).start()
    const timedOut = expect(late).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
      details: { timeoutMs: 500, option: 'connectTimeoutMs' },
    })
    await clock.advance(500)
    await timedOut
    const controller = new AbortController()
    const aborted = unixClient({ path }).start({ signal: controller.signal })
    const reason = new Error('cancelled')
    controller.abort(reason)

    await expect(aborted).rejects.toBe(reason)
    await leaks.released(TIMEOUT_MS)
  })

  test('receives what the server sends after the client has ended its side', async () => {
    const path = join(await temporaryFolder(), 'server')
    const server = unixServer({ path })
    onTestFinished(() => server.close())
    const text = 'x'.repeat(1_000_000)
    server.onconnection = (connection) => {
      connection.onmessage = () => {
        void connection.send({ jsonrpc: '2.0', id: 1, result: { text } }).catch(() => {})
      }
      void connection.start()
    }
    await server.start()
    const socket = connect({ path, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    const ended = once(socket, 'end')
    socket.end('{"jsonrpc":"2.0","id":1,"method":"x"}\n')
    await ended

    expect(received).toBeGreaterThan(text.length)
    socket.end()
    await until(() => server.connections.size === 0, 'the connection has ended', TIMEOUT_MS)
  })
})
