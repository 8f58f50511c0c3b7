import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startLeakCheck, until } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type Listener, type RequestId, type Transport } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { newFolder, temporaryFolder } from './support/folder.js'
import { plainCaller } from './support/sockets.js'

const PATIENCE_MS = 10_000
const MEBIBYTE = 1_048_576

type ServerOptions = Omit<Parameters<typeof unixServer>[0], 'path'>

async function listening(
  options: ServerOptions,
  accept: (connection: Transport) => void,
): Promise<{ path: string; listener: Listener }> {
  const path = join(await temporaryFolder(), 'server')
  const listener = unixServer({ path, ...options })
  onTestFinished(() => listener.close())
  listener.onconnection = accept
  await listener.start()
  return { path, listener }
}

describe('fifty clients with the same ids, integers and strings, interleaved', () => {
  test('get the answers to their own requests, and nothing else [GEN-05]', async () => {
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
    const heard = clients.map((client) => {
      const messages: JsonRpcMessage[] = []
      client.onmessage = (message) => messages.push(message)
      return messages
    })
    await Promise.all(clients.map((client) => client.start()))
    for (const id of ids)
      for (const [owner, client] of clients.entries())
        void client.send({ jsonrpc: '2.0', id, method: 'who', params: { owner } })
    const expected = clients.length * ids.length
    await until(() => waiting.length === expected, 'every request arrived', PATIENCE_MS)
    // Neither in the order they came nor in its reverse.
    for (let step = 0; step < expected; step++) waiting[(step * 37) % expected]?.()
    await until(() => heard.flat().length >= expected, 'every answer arrived', PATIENCE_MS)

    for (const [owner, messages] of heard.entries()) {
      const answered = messages.map((message) => ('id' in message ? message.id : undefined))
      expect(new Set(answered)).toEqual(new Set(ids))
      expect(messages).toHaveLength(ids.length)
      for (const message of messages) expect(message).toMatchObject({ result: { owner } })
    }
  })
})

describe('a peer', () => {
  test('that never reads costs maxQueuedBytes and no more than 1 MiB besides', async () => {
    const connections: Transport[] = []
    const { path } = await listening({ maxQueuedBytes: MEBIBYTE, closeTimeoutMs: 50 }, (connection) => {
      connections.push(connection)
      void connection.start()
    })
    const socket = await plainCaller(path)
    socket.pause()
    await until(() => connections[0]?.state === 'open', 'the connection is open', PATIENCE_MS)
    const [connection] = connections as [Transport]
    const message: JsonRpcMessage = { jsonrpc: '2.0', method: 'x', params: { text: 'x'.repeat(10_000) } }
    const before = process.memoryUsage().external
    let taken = 0
    let refused: unknown
    for (let turn = 0; turn < 1_000 && refused === undefined; turn++) {
      connection.send(message).catch((error: unknown) => {
        refused ??= error
      })
      taken += JSON.stringify(message).length + 1
      await new Promise((resolve) => setImmediate(resolve))
    }

    expect(refused).toMatchObject({ code: 'OVERLOADED', details: { maxQueuedBytes: MEBIBYTE } })
    expect(taken).toBeLessThan(2 * MEBIBYTE)
    expect(process.memoryUsage().external - before).toBeLessThan(2 * MEBIBYTE)
  })

  test('whose line does not end is cut off at maxMessageBytes', async () => {
    const connections: Transport[] = []
    const maxMessageBytes = MEBIBYTE
    const { path } = await listening({ maxMessageBytes }, (connection) => {
      connections.push(connection)
      void connection.start()
    })
    const socket = await plainCaller(path)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const chunk = Buffer.alloc(65_536, 'x')
    const pour = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pour).on('end', () => socket.destroy())
    socket.resume()
    pour()
    await closed

    expect(await connections[0]?.closed).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      details: { maxMessageBytes },
    })
    // What the sockets of the system and this end hold is not the server's.
    expect(socket.bytesWritten).toBeLessThan(2 * maxMessageBytes)
  })

  test('that hangs up at any byte of a conversation ends its own connection and nothing else', async () => {
    const errors: Error[] = []
    const { path, listener } = await listening({}, (connection) => {
      connection.onmessage = (message) => void connection.send(message).catch(() => {})
      connection.onerror = (error) => errors.push(error)
      void connection.start()
    })
    const witness = unixClient({ path })
    onTestFinished(() => witness.close())
    await witness.start()
    const line = '{"jsonrpc":"2.0","id":1,"method":"x"}\n'
    for (let bytes = 0; bytes <= line.length; bytes++) {
      const socket = await plainCaller(path)
      socket.write(line.slice(0, bytes))
      if (bytes % 2 === 0) socket.end()
      else socket.destroy()
    }
    await until(() => listener.connections.size === 1, 'only the witness is left', PATIENCE_MS)

    expect(witness.state).toBe('open')
    expect(errors.every((error) => 'code' in error)).toBe(true)
  })
})

test('after closing, every handle and every file is gone', async () => {
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
  const silent = await plainCaller(path)
  await until(() => listener.connections.size === 10, 'all are connected', PATIENCE_MS)
  await Promise.all([...clients.slice(5).map((client) => client.close()), listener.close()])
  await Promise.all(clients.map(({ closed }) => closed))
  silent.destroy()

  await leaks.released(PATIENCE_MS)
  expect(readdirSync(folder.path)).toEqual([])
})
