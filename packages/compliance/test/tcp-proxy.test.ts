import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFakeClock, type TcpProxy, type TcpProxyOptions, tcpProxy, turns, until } from '../src/index.js'

const PATIENCE_MS = 5_000

interface Line {
  readonly proxy: TcpProxy
  readonly client: Socket
  readonly server: Socket
  /** What each end heard, as text, and the chunks it came in. */
  readonly heard: { client: string; server: string; serverChunks: number }
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
    heard: { client: '', server: '', serverChunks: 0 },
    ended: { client: false, server: false },
    broken: { client: undefined, server: undefined },
  }
  for (const side of ['client', 'server'] as const) {
    line[side].on('data', (chunk) => {
      line.heard[side] += chunk.toString()
      if (side === 'server') line.heard.serverChunks++
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

const soon = (fact: () => boolean, what: string): Promise<void> => until(fact, what, PATIENCE_MS)

test('passes bytes and ends on in both directions', async () => {
  await withLine({}, async ({ client, server, heard, ended, proxy }) => {
    client.end('ping')
    await soon(() => heard.server === 'ping' && ended.server, 'the server heard it')
    server.end('pong')
    await soon(() => heard.client === 'pong' && ended.client, 'the client heard it')
    await soon(() => proxy.connections === 0, 'the connection is over')
  })
})

test('listens on a path too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mcpwire-'))
  await withLine({ path: join(folder, 'proxy') }, async ({ client, heard }) => {
    client.write('ping')
    await soon(() => heard.server === 'ping', 'the server heard it')
  })
  await rm(folder, { recursive: true })
})

test('writes one byte at a time', async () => {
  await withLine({ toServer: { chunkBytes: 1 } }, async ({ client, heard }) => {
    client.write('x'.repeat(50))
    await soon(() => heard.server.length === 50, 'everything arrived')
    expect(heard.serverChunks).toBeGreaterThan(10)
  })
})

test('holds bytes back by a delay', async () => {
  const clock = createFakeClock()
  await withLine({ toServer: { delayMs: 1_000 }, clock }, async ({ client, heard }) => {
    client.write('late')
    await soon(() => clock.pending === 1, 'the bytes are held back')
    await clock.advance(999)
    expect(heard.server).toBe('')
    await clock.advance(1)
    await soon(() => heard.server === 'late', 'the bytes arrived')
  })
})

test('passes no more bytes in a second than it may', async () => {
  const clock = createFakeClock()
  await withLine({ toServer: { bytesPerSecond: 10 }, clock }, async ({ client, heard }) => {
    client.write('x'.repeat(20))
    await soon(() => clock.pending === 1, 'the bytes are held back')
    await clock.advance(1_999)
    expect(heard.server).toBe('')
    await clock.advance(1)
    await soon(() => heard.server.length === 20, 'the bytes arrived')
  })
})

test('resets both ends at a byte', async () => {
  await withLine({ toServer: { resetAfterBytes: 3 } }, async ({ client, broken }) => {
    client.write('abcdef')
    await soon(() => broken.client !== undefined && broken.server !== undefined, 'both were reset')
    expect(broken).toEqual({ client: 'ECONNRESET', server: 'ECONNRESET' })
  })
})

test('keeps the end of a half-open connection to itself', async () => {
  await withLine({ toServer: { halfOpen: true } }, async ({ client, server, heard, ended }) => {
    client.end('the last')
    await soon(() => heard.server === 'the last', 'the bytes arrived')
    server.write('still there?')
    await soon(() => heard.client === 'still there?', 'the other direction goes on')
    await turns()
    expect(ended.server).toBe(false)
  })
})

test('stalls one direction until told otherwise, and injects bytes', async () => {
  await withLine({}, async ({ proxy, client, server, heard }) => {
    const resume = proxy.stall('far')
    client.write('held')
    server.write('passes')
    await soon(() => heard.client === 'passes', 'the other direction goes on')
    expect(heard.server).toBe('')
    resume()
    await soon(() => heard.server === 'held', 'the bytes arrived')
    proxy.inject('near', ', injected')
    await soon(() => heard.client === 'passes, injected', 'the injected bytes arrived')
  })
})
