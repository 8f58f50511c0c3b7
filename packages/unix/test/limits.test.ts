import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startLeakCheck, until } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type Listener, type RequestId, type Transport } from '@mcpwire/core'
import { newFolder, temporaryFolder } from '@mcpwire/test-support/folders'
import { plainSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'

const TIMEOUT_MS = 30_000
const MEBIBYTE = 1_048_576

type ServerOptions = Omit<Parameters<typeof unixServer>[0], 'path'>

async function listening(
  options: ServerOptions,
  onconnection: (connection: Transport) => void,
): Promise<{ path: string; listener: Listener }> {
  const path = join(await temporaryFolder(), 'server')
  const listener = unixServer({ path, ...options })
  onTestFinished(() => listener.close())
  listener.onconnection = onconnection
  await listener.start()
  return { path, listener }
}

describe('fifty clients with the same interleaved ids', () => {
  test('receive only the responses to their own requests [GEN-05]', async () => {
    const ids: readonly RequestId[] = [0, 1, '1', '', 'a:b', Number.MAX_SAFE_INTEGER, '9007199254740991']
    const waiting: (() => void)[] = []
    const { path } = await listening({}, (connection) => {
      connection.onmessage = (message) => {
        if (!isRequest(message)) return
        const { id, params } = message
        waiting.push(() => void connection.send({ jsonrpc: '2.0', id, result: { owner: params?.['owner'] } }))
      }
      void connection.start()
    })
    const clients = Array.from({ length: 50 }, () => unixClient({ path }))
    onTestFinished(async () => void (await Promise.all(clients.map((client) => client.close()))))
    const received = clients.map((client) => {
      const messages: JsonRpcMessage[] = []
      client.onmessage = (message) => messages.push(message)
      return messages
    })
    await Promise.all(clients.map((client) => client.start()))
    for (const id of ids)
      for (const [owner, client] of clients.entries())
        void client.send({ jsonrpc: '2.0', id, method: 'owner', params: { owner } })
    const expected = clients.length * ids.length
    await until(() => waiting.length === expected, 'every request arrived', TIMEOUT_MS)
    // Neither in the order of arrival nor in reverse.
    for (let step = 0; step < expected; step++) waiting[(step * 37) % expected]?.()
    await until(() => received.flat().length >= expected, 'every response arrived', TIMEOUT_MS)

    for (const [owner, messages] of received.entries()) {
      const answered = messages.map((message) => ('id' in message ? message.id : undefined))
      expect(new Set(answered)).toEqual(new Set(ids))
      expect(messages).toHaveLength(ids.length)
      for (const message of messages) expect(message).toMatchObject({ result: { owner } })
    }
  })
})

describe('a peer', () => {
  test('that never reads takes at most maxQueuedBytes and 1 MiB of memory', async () => {
    const connections: Transport[] = []
    const { path } = await listening({ maxQueuedBytes: MEBIBYTE, closeTimeoutMs: 50 }, (connection) => {
      connections.push(connection)
      void connection.start()
    })
    const socket = await plainSocket(path)
    socket.pause()
    await until(() => connections[0]?.state === 'open', 'the connection is open', TIMEOUT_MS)
    const [connection] = connections as [Transport]
    const message: JsonRpcMessage = { jsonrpc: '2.0', method: 'x', params: { text: 'x'.repeat(10_000) } }
    const before = process.memoryUsage().external
    let queued = 0
    let failure: unknown
    for (let turn = 0; turn < 1_000 && failure === undefined; turn++) {
      connection.send(message).catch((error: unknown) => {
        failure ??= error
      })
      queued += JSON.stringify(message).length + 1
      await new Promise((resolve) => setImmediate(resolve))
    }

    expect(failure).toMatchObject({ code: 'OVERLOADED', details: { maxQueuedBytes: MEBIBYTE } })
    expect(queued).toBeLessThan(2 * MEBIBYTE)
    expect(process.memoryUsage().external - before).toBeLessThan(2 * MEBIBYTE)
  })

  test('whose line never ends is disconnected at maxMessageBytes', async () => {
    const connections: Transport[] = []
    const maxMessageBytes = MEBIBYTE
    const { path } = await listening({ maxMessageBytes }, (connection) => {
      connections.push(connection)
      void connection.start()
    })
    const socket = await plainSocket(path)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const chunk = Buffer.alloc(65_536, '[')
    const writeAll = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', writeAll).on('end', () => socket.destroy())
    socket.resume()
    writeAll()
    await closed

    expect(await connections[0]?.closed).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      details: { maxMessageBytes },
    })
    // Includes the socket buffers of the system and of this end.
    expect(socket.bytesWritten).toBeLessThan(2 * maxMessageBytes)
  })

  test('that disconnects at any byte of a message ends its own connection only', async () => {
    const errors: Error[] = []
    const { path, listener } = await listening({}, (connection) => {
      connection.onmessage = (message) => void connection.send(message).catch(() => {})
      connection.onerror = (error) => errors.push(error)
      void connection.start()
    })
    const other = unixClient({ path })
    onTestFinished(() => other.close())
    await other.start()
    const line = '{"jsonrpc":"2.0","id":1,"method":"x"}\n'
    for (let bytes = 0; bytes <= line.length; bytes++) {
      const socket = await plainSocket(path)
      socket.write(line.slice(0, bytes))
      if (bytes % 2 === 0) socket.end()
      else socket.destroy()
    }
    await until(() => listener.connections.size === 1, 'only the other connection remains', TIMEOUT_MS)

    expect(other.state).toBe('open')
    expect(errors.every((error) => 'code' in error)).toBe(true)
  })
})

test('close() releases every handle and every file', async () => {
  const folder = await newFolder()
  onTestFinished(folder.remove)
  const leaks = await startLeakCheck()
  const path = join(folder.path, 'server')
  const listener = unixServer({ path, preamble: {} })
  listener.onconnection = (connection) => void connection.start()
  await listener.start()
  const clients = Array.from({ length: 10 }, () =>
    unixClient({ path, preamble: { headers: () => ({ authorization: 'Bearer x' }) } }),
  )
  await Promise.all(clients.map((client) => client.start()))
  const idle = await plainSocket(path)
  await until(() => listener.connections.size === 10, 'all clients are connected', TIMEOUT_MS)
  await Promise.all([...clients.slice(5).map((client) => client.close()), listener.close()])
  await Promise.all(clients.map(({ closed }) => closed))
  idle.destroy()

  await leaks.released(TIMEOUT_MS)
  expect(readdirSync(folder.path)).toEqual([])
})
