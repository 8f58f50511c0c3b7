import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createFakeClock, startLeakCheck, until } from '@mcpwire/compliance'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { temporaryFolder } from './support/folder.js'
import { runCommand } from './support/programs.js'
import { makeStaleSocket } from './support/sockets.js'

const PATIENCE_MS = 5_000

async function failureOf(path: string): Promise<unknown> {
  return await unixClient({ path })
    .start()
    .catch((reason: unknown) => reason)
}

/** Listens with the shortest queue, fills it, and accepts nobody before it is told to. */
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
  test('says what is wrong with a path', async () => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'directory'))
    await makeStaleSocket(join(folder, 'stale'))
    const facts = [
      ['none', 'there is no such socket; is it running, and the path right (option path)?'],
      ['none/either', 'there is no such socket; is it running, and the path right (option path)?'],
      ['file/below', 'there is no such socket; is it running, and the path right (option path)?'],
      ['file', 'nobody listens there; is it running, and the path right (option path)?'],
      ['directory', 'nobody listens there; is it running, and the path right (option path)?'],
      ['stale', 'nobody listens there; is it running, and the path right (option path)?'],
    ] as const
    for (const [name, why] of facts) {
      const path = join(folder, name)

      expect(await failureOf(path)).toMatchObject({
        code: 'CONNECT_FAILED',
        message: `cannot connect to unix:${path}: ${why}`,
        details: { address: `unix:${path}` },
      })
    }
  })

  test('waits for a server whose queue is full, until it has room', async () => {
    const path = join(await temporaryFolder(), 'server')
    const server = runCommand(process.execPath, ['-e', BUSY, path])
    await server.heard()
    const full = connect({ path })
    const [error] = await once(full, 'error')
    expect(error).toMatchObject({ code: 'EAGAIN' })
    const client = unixClient({ path })
    onTestFinished(() => client.close())
    const started = client.start()
    server.say('go on')

    await started
    expect(client.state).toBe('open')
  })

  test('waits no longer than connectTimeoutMs, or until it is aborted, and holds nothing then', async () => {
    const path = join(await temporaryFolder(), 'server')
    await runCommand(process.execPath, ['-e', BUSY, path]).heard()
    const leaks = await startLeakCheck()
    const clock = createFakeClock()
    const late = unixClient({ path, clock, connectTimeoutMs: 500 }).start()
    const timedOut = expect(late).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: `unix:${path} did not answer within connectTimeoutMs (500 ms)`,
    })
    await clock.advance(500)
    await timedOut
    const controller = new AbortController()
    const aborted = unixClient({ path }).start({ signal: controller.signal })
    const reason = new Error('changed my mind')
    controller.abort(reason)

    await expect(aborted).rejects.toBe(reason)
    await leaks.released(PATIENCE_MS)
  })

  test('hears what a server still sends after the client has ended its side', async () => {
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
    await until(() => server.connections.size === 0, 'the connection has ended', PATIENCE_MS)
  })
})
