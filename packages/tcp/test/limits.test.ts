import { once } from 'node:events'
import { connect } from 'node:net'
import { turns, until } from '@mcpwire/compliance'
import { allowAll, type JsonRpcMessage } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { collectedMemory } from '../../../tooling/collected-memory.js'
import { tcpServer } from '../src/index.js'
import { tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

const PATIENCE_MS = 5_000
const MIB = 1_048_576
const QUEUE_BYTES = 4 * MIB
const MESSAGE_BYTES = 65_536
const MAX_MESSAGE_BYTES = 8 * MIB

test.each([
  ['plain', {}],
  ['TLS', { tls: tls.server }],
] as const)(
  'over %s a peer that never reads costs at most maxQueuedBytes and 1 MiB',
  async (wire, options) => {
    const { port, connections } = await listening({
      ...options,
      maxQueuedBytes: QUEUE_BYTES,
      closeTimeoutMs: 50,
    })
    const { transport } = clientOf({ port, ...(wire === 'TLS' && { tls: tls.client }), closeTimeoutMs: 50 })
    await transport.start()
    await until(() => connections.length === 1, 'it came', PATIENCE_MS)
    transport.flow?.pause()
    const connection = connections[0] as (typeof connections)[0]
    const message = (n: number): JsonRpcMessage => ({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { n, fill: 'x'.repeat(MESSAGE_BYTES) },
    })
    const before = await collectedMemory()
    let failure: unknown
    for (let sent = 0; failure === undefined; sent++) {
      connection.send(message(sent)).catch((error: unknown) => {
        failure ??= error
      })
      await turns(1)
      if (sent > 10_000) throw new Error('there is no end to it')
    }
    expect(failure).toMatchObject({ code: 'OVERLOADED', details: { maxQueuedBytes: QUEUE_BYTES } })
    const after = await collectedMemory()
    expect(after.held - before.held).toBeLessThanOrEqual(QUEUE_BYTES + MIB)
    // What the allocator keeps for itself counts as resident too.
    expect(after.rss - before.rss).toBeLessThanOrEqual(10 * QUEUE_BYTES)
  },
)

test('a line without end is cut at maxMessageBytes, and no more of it is held', async () => {
  const { port, connections } = await listening({ maxMessageBytes: MAX_MESSAGE_BYTES })
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await until(() => connections.length === 1, 'it came', PATIENCE_MS)
  const connection = connections[0] as (typeof connections)[0]
  const before = await collectedMemory()
  const piece = Buffer.alloc(MESSAGE_BYTES, 'x')
  const cut = once(socket, 'close').catch(() => {})
  let isTold = false
  socket.once('data', () => {
    isTold = true
  })
  let written = 0
  let most = 0
  while (!isTold && written < 8 * MAX_MESSAGE_BYTES) {
    written += piece.length
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), cut]).catch(() => {})
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    most = Math.max(most, heapUsed + arrayBuffers)
  }
  expect(isTold).toBe(true)
  socket.end()
  expect(await connection.closed).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { maxMessageBytes: MAX_MESSAGE_BYTES },
  })
  // Twice the limit while the collected bytes move to a larger place, and what was not collected yet.
  expect(most - before.held).toBeLessThanOrEqual(4 * MAX_MESSAGE_BYTES)
  // Up to 4 MiB are kept for the next large message, whosever it is.
  expect((await collectedMemory()).held - before.held).toBeLessThanOrEqual(5 * MIB)
})

test.each(['0.0.0.0', '::', '192.0.2.1'])(
  'binding %s without a gate refuses to start [SEC-S-07]',
  async (host) => {
    const listener = tcpServer({ port: 0, host })
    await expect(listener.start()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { option: 'gate' },
    })
    const gated = tcpServer({ port: 0, host: host === '192.0.2.1' ? '0.0.0.0' : host, gate: allowAll() })
    await gated.start()
    await gated.close()
  },
)

test('a message longer than the limit, and one the queue has no room for, are not sent', async () => {
  const { port, connections } = await listening()
  const { transport } = clientOf({ port, maxMessageBytes: 1_024, maxQueuedBytes: 2_048 })
  await transport.start()
  await until(() => connections.length === 1, 'it came', PATIENCE_MS)
  const heard: JsonRpcMessage[] = []
  const [connection] = connections
  if (connection) connection.onmessage = (message) => heard.push(message)
  const note = (bytes: number): JsonRpcMessage => ({
    jsonrpc: '2.0',
    method: 'n',
    params: { fill: 'x'.repeat(bytes) },
  })
  await expect(transport.send(note(1_024))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  const sent = [900, 900, 900].map((bytes) =>
    transport.send(note(bytes)).then(
      () => 'sent',
      (error) => error.code,
    ),
  )
  expect(await Promise.all(sent)).toEqual(['sent', 'sent', 'OVERLOADED'])
  await until(() => heard.length === 2, 'what was taken arrived', PATIENCE_MS)
})
