import { once } from 'node:events'
import { connect } from 'node:net'
import { turns, until } from '@mcpwire/compliance'
import { allowAll, type JsonRpcMessage } from '@mcpwire/core'
import { collectedMemory } from '@mcpwire/test-support/collected-memory'
import { expect, onTestFinished, test } from 'vitest'
import { tcpServer } from '../src/index.js'
import { tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000
const MIB = 1_048_576
const QUEUE_BYTES = 4 * MIB
const MESSAGE_BYTES = 65_536
const MAX_MESSAGE_BYTES = 8 * MIB

test.each([
  ['plain', {}],
  ['TLS', { tls: tls.server }],
] as const)(
  'over %s a peer that never reads takes at most maxQueuedBytes and 1 MiB of memory',
  async (wire, options) => {
    const { port, connections } = await listening({
      ...options,
      maxQueuedBytes: QUEUE_BYTES,
      closeTimeoutMs: 50,
    })
    const { transport } = clientOf({ port, ...(wire === 'TLS' && { tls: tls.client }), closeTimeoutMs: 50 })
    await transport.start()
    await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
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
      if (sent > 10_000) throw new Error('the queue has no limit')
    }
    expect(failure).toMatchObject({ code: 'OVERLOADED', details: { maxQueuedBytes: QUEUE_BYTES } })
    const after = await collectedMemory()
    expect(after.held - before.held).toBeLessThanOrEqual(QUEUE_BYTES + MIB)
    // Resident memory includes what the allocator retains.
    expect(after.rss - before.rss).toBeLessThanOrEqual(10 * QUEUE_BYTES)
  },
)

test('a line that never ends is disconnected at maxMessageBytes, and its memory is released', async () => {
  const { port, connections } = await listening({ maxMessageBytes: MAX_MESSAGE_BYTES })
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const connection = connections[0] as (typeof connections)[0]
  const before = await collectedMemory()
  const chunk = Buffer.alloc(MESSAGE_BYTES, '[')
  const closed = once(socket, 'close').catch(() => {})
  let hasReason = false
  socket.once('data', () => {
    hasReason = true
  })
  let written = 0
  let peak = 0
  while (!hasReason && written < 8 * MAX_MESSAGE_BYTES) {
    written += chunk.length
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), closed]).catch(() => {})
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    peak = Math.max(peak, heapUsed + arrayBuffers)
  }
  expect(hasReason).toBe(true)
  socket.end()
  expect(await connection.closed).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { maxMessageBytes: MAX_MESSAGE_BYTES },
  })
  // Twice the limit while the buffer grows, and garbage that was not collected yet.
  expect(peak - before.held).toBeLessThanOrEqual(4 * MAX_MESSAGE_BYTES)
  // A shared buffer of up to 4 MiB is kept for the next large message.
  expect((await collectedMemory()).held - before.held).toBeLessThanOrEqual(5 * MIB)
})

test.each(['0.0.0.0', '::', '192.0.2.1'])('start() on %s rejects without a gate [SEC-S-07]', async (host) => {
  const listener = tcpServer({ port: 0, host })
  await expect(listener.start()).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'gate' },
  })
  const gated = tcpServer({ port: 0, host: host === '192.0.2.1' ? '0.0.0.0' : host, gate: allowAll() })
  await gated.start()
  await gated.close()
})

test('send() rejects a message over maxMessageBytes, and one that exceeds maxQueuedBytes', async () => {
  const { port, connections } = await listening()
  const { transport } = clientOf({ port, maxMessageBytes: 1_024, maxQueuedBytes: 2_048 })
  await transport.start()
  await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const received: JsonRpcMessage[] = []
  const [connection] = connections
  if (connection) connection.onmessage = (message) => received.push(message)
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
  await until(() => received.length === 2, 'the accepted messages arrived', TIMEOUT_MS)
})
