import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFakeClock, type TcpProxy, type TcpProxyOptions, tcpProxy, turns, until } from '../src/index.js'

const GRACE_MS = 30_000

interface Line {
  readonly proxy: TcpProxy
  readonly client: Socket
  readonly server: Socket
  /** The text received by each end, and the number of chunks at the server. */
  readonly received: { client: string; server: string; serverChunks: number }
  readonly ended: { client: boolean; server: boolean }
  readonly broken: { client: string | undefined; server: string | undefined }
}

async function withLine(
  faults: Omit<TcpProxyOptions, 'to'>,
  use: (line: Line) => Promise<void>,
): Promise<void> {
  const server = createServer({ allowHalfOpen: true })
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  const { port } = server.address() as { port: number }
  const proxy = await tcpProxy({ to: { host: '127.0.0.1', port }, ...faults })
  const target: NetConnectOpts =
    faults.path === undefined ? { host: '127.0.0.1', port: proxy.port } : { path: faults.path }
  const client = connect({ ...target, allowHalfOpen: true })
  const line: Line = {
    proxy,
    client,
    server: await accepted,
    received: { client: '', server: '', serverChunks: 0 },
    ended: { client: false, server: false },
    broken: { client: undefined, server: undefined },
  }
  for (const side of ['client', 'server'] as const) {
    line[side].on('data', (chunk) => {
      line.received[side] += chunk.toString()
      if (side === 'server') line.received.serverChunks++
    })
    line[side].on('end', () => {
      line.ended[side] = true
    })
    line[side].on('error', (error: Error & { code?: string }) => {
      line.broken[side] = error.code
    })
  }
  try {
    await use(line)
  } finally {
    client.destroy()
    line.server.destroy()
    await proxy.close()
    await new Promise((resolve) => server.close(resolve))
  }
}

const eventually = (condition: () => boolean, description: string): Promise<void> =>
  until(condition, description, GRACE_MS)

test('passes bytes and ends in both directions', async () => {
  await withLine({}, async ({ client, server, received, ended, proxy }) => {
    client.end('ping')
    await eventually(() => received.server === 'ping' && ended.server, 'the server received the bytes')
    server.end('pong')
    await eventually(() => received.client === 'pong' && ended.client, 'the client received the bytes')
    await eventually(() => proxy.connections === 0, 'the connection is closed')
  })
})

test('listens on a path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mcpwire-'))
  await withLine({ path: join(folder, 'proxy') }, async ({ client, received }) => {
    client.write('ping')
    await eventually(() => received.server === 'ping', 'the server received the bytes')
  })
  await rm(folder, { recursive: true })
})

test('writes one byte at a time', async () => {
  await withLine({ toServer: { chunkBytes: 1 } }, async ({ client, received }) => {
    client.write('x'.repeat(50))
    await eventually(() => received.server.length === 50, 'everything arrived')
    expect(received.serverChunks).toBeGreaterThan(10)
  })
})

test('delays bytes by delayMs', async () => {
  const clock = createFakeClock()
  await withLine({ toServer: { delayMs: 1_000 }, clock }, async ({ client, received }) => {
    client.write('late')
    await eventually(() => clock.pending === 1, 'the bytes are delayed')
    await clock.advance(999)
    expect(received.server).toBe('')
    await clock.advance(1)
    await eventually(() => received.server === 'late', 'the bytes arrived')
  })
})

test('limits the bytes per second', async () => {
  const clock = createFakeClock()
  await withLine({ toServer: { bytesPerSecond: 10 }, clock }, async ({ client, received }) => {
    client.write('x'.repeat(20))
    await eventually(() => clock.pending === 1, 'the bytes are delayed')
    await clock.advance(1_999)
    expect(received.server).toBe('')
    await clock.advance(1)
    await eventually(() => received.server.length === 20, 'the bytes arrived')
  })
})

test('resets both ends after a number of bytes', async () => {
  await withLine({ toServer: { resetAfterBytes: 3 } }, async ({ client, broken }) => {
    client.write('abcdef')
    await eventually(() => broken.client !== undefined && broken.server !== undefined, 'both were reset')
    expect(broken).toEqual({ client: 'ECONNRESET', server: 'ECONNRESET' })
  })
})

test('drops the end of a half-open connection', async () => {
  await withLine({ toServer: { halfOpen: true } }, async ({ client, server, received, ended }) => {
    client.end('last bytes')
    await eventually(() => received.server === 'last bytes', 'the bytes arrived')
    server.write('ping')
    await eventually(() => received.client === 'ping', 'the other direction still works')
    await turns()
    expect(ended.server).toBe(false)
  })
})

test('stalls one direction, and injects bytes', async () => {
  await withLine({}, async ({ proxy, client, server, received }) => {
    const resume = proxy.stall('far')
    client.write('held')
    server.write('passes')
    await eventually(() => received.client === 'passes', 'the other direction still works')
    expect(received.server).toBe('')
    resume()
    await eventually(() => received.server === 'held', 'the bytes arrived')
    proxy.inject('near', ', injected')
    await eventually(() => received.client === 'passes, injected', 'the injected bytes arrived')
  })
})
