import { createServer, type Socket } from 'node:net'
import { createFakeClock, startLeakCheck } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { createEngine } from '../src/engines/node/engine.js'
import { engineSettings, eventually, record } from './support/engine-calls.js'
import { engineKinds } from './support/engine-kinds.js'
import { engineServer, listenCounting } from './support/engine-server.js'

const PATIENCE_MS = 5_000

test('gives up on connecting after connectTimeoutMs, and says so', async () => {
  await using silent = await listenCounting(createServer((socket) => socket.resume()))
  const clock = createFakeClock()
  const url = new URL(`https://127.0.0.1:${silent.port}/mcp?token=s3cret`)
  const engine = createEngine(engineSettings({ url, clock, connectTimeoutMs: 3_000 }))
  const call = record(engine, { url, body: '{}' })
  await eventually(() => silent.socketCount() === 1, 'it is called')

  await clock.advance(2_999)
  expect(call.events).toEqual([])
  await clock.advance(1)
  await call.over()

  expect(call.failure).toMatchObject({ code: 'CONNECT_TIMEOUT', details: { timeoutMs: 3_000 } })
  expect(call.failure?.message).not.toContain('s3cret')
  expect(call.delivery).toBe('none')
  expect(clock.pending).toBe(0)
  await engine.close()
})

test('opens a new connection where the server closed an idle one', async () => {
  await using server = await engineServer(({ answer }) => answer.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url }))
  await record(engine, { url: server.url, body: '{}' }).over()
  for (const socket of server.sockets) socket.end()
  await eventually(() => server.sockets.size === 0, 'both ends closed it')

  const call = record(engine, { url: server.url, body: '{}' })
  await call.over()

  expect(call.text()).toBe('yes')
  expect(server.socketCount()).toBe(2)
  await engine.close()
})

test('does not send again what a used connection lost', async () => {
  await using server = await engineServer(({ answer }) => {
    if (server.seen.length < 2) answer.end('yes')
    else answer.socket?.destroy()
  })
  const engine = createEngine(engineSettings({ url: server.url }))
  await record(engine, { url: server.url, body: '{}' }).over()

  for (const method of ['POST', 'GET'] as const) {
    const call = record(engine, { url: server.url, method })
    await call.over()
    expect(call.delivery).toBe('unknown')
  }

  expect(server.seen).toHaveLength(3)
  await engine.close()
})

test('uses the socket of an answer for what the answer makes the caller send', async () => {
  await using server = await engineServer(({ answer }) => answer.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url }))
  const request = { method: 'POST', url: server.url, headers: {}, body: '{}' } as const
  await new Promise<void>((resolve, reject) => {
    const next = (left: number): void => {
      if (left === 0) {
        resolve()
        return
      }
      const end = (): void => next(left - 1)
      engine.send(request, { head: () => {}, data: () => {}, end, failed: reject })
    }
    next(20)
  })

  expect(server.seen).toHaveLength(20)
  expect(server.socketCount()).toBe(1)
  await engine.close()
})

test('sends nothing of what is given up while it connects or waits', async () => {
  await using server = await engineServer(({ answer }) => answer.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url, maxSockets: 3 }))
  const [connecting, other, waiting, last] = [1, 2, 3, 4].map((body) =>
    record(engine, { url: server.url, body: `${body}` }),
  )

  connecting?.call.abort()
  waiting?.call.abort()
  await other?.over()
  await last?.over()

  expect(last?.text()).toBe('yes')
  expect(server.seen.map(({ body }) => body).sort()).toEqual(['2', '4'])
  expect([connecting?.events, waiting?.events]).toEqual([[], []])
  expect(server.socketCount()).toBe(2)
  await engine.close()
})

test('skips informational answers', async () => {
  await using server = await engineServer(({ answer }) => {
    answer.writeEarlyHints({ link: '</a>; rel=preload' })
    answer.writeProcessing()
    answer.end('yes')
  })
  const engine = createEngine(engineSettings({ url: server.url }))

  const call = record(engine, { url: server.url, body: '{}' })
  await call.over()

  expect(call.events).toEqual(['head', 'data', 'end'])
  expect(call.head?.status).toBe(200)
  await engine.close()
})

test('joins a header that comes twice', async () => {
  await using server = await engineServer(({ answer }) => {
    answer.writeHead(401, [
      ['WWW-Authenticate', 'Basic'],
      ['WWW-Authenticate', 'Bearer realm="a"'],
    ] as never)
    answer.end()
  })
  const engine = createEngine(engineSettings({ url: server.url }))

  const call = record(engine, { url: server.url, body: '{}' })
  await call.over()

  expect(call.head?.header('www-authenticate')).toBe('Basic, Bearer realm="a"')
  await engine.close()
})

test('fails on answers that are no HTTP', async () => {
  await using server = await listenCounting(
    createServer((socket: Socket) => socket.end('SSH-2.0-OpenSSH\r\n')),
  )
  const url = new URL(`http://127.0.0.1:${server.port}/mcp`)
  const engine = createEngine(engineSettings({ url }))

  const call = record(engine, { url, body: '{}' })
  await call.over()

  expect(call.events).toEqual(['failed'])
  expect(call.delivery).toBe('unknown')
  await engine.close()
})

test('sends to its own origin only', async () => {
  await using server = await engineServer(({ answer }) => answer.end('yes'))
  await using other = await engineServer(({ answer }) => answer.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url }))

  const call = record(engine, { url: other.url, headers: { authorization: 'Bearer a' } })
  await call.over()

  expect(call.delivery).toBe('none')
  expect(other.socketCount()).toBe(0)
  await engine.close()
})

test('does not keep the process alive with idle sockets', async () => {
  await using server = await engineServer(({ answer }) => answer.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url }))
  await record(engine, { url: server.url, body: '{}' }).over()
  const alive = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length

  expect(server.sockets.size).toBe(1)
  // Those of the server are in this process too, and count.
  await eventually(() => alive() === 1, 'only the socket of the server counts')
  expect(server.sockets.size).toBe(1)
  await engine.close()
})

test.each(engineKinds)('$name continues one answer from within the data of another', async (kind) => {
  const size = 1024 * 1024
  await using server = await engineServer(({ answer }) => answer.end(Buffer.alloc(size, 'x')))
  const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))
  const first = record(engine, { url: server.url, body: '{}' })
  await eventually(() => first.bytes > 0, 'the first has begun')
  first.call.pause()

  await new Promise<void>((resolve, reject) => {
    const request = { method: 'POST', url: server.url, headers: {}, body: '{}' } as const
    const data = (): void => {
      first.call.resume()
      record(engine, { url: server.url, body: '{}' }).call.abort()
    }
    engine.send(request, { head: () => {}, data, end: resolve, failed: reject })
  })
  await first.over()

  expect(first.bytes).toBe(size)
  await engine.close()
})

test.each(engineKinds)('$name leaves nothing behind', async (kind) => {
  await using server = await engineServer(({ answer, body }) => {
    if (body === 'hold') answer.writeHead(200).write('data')
    else answer.end('yes')
  })
  const options = kind.plain()
  const check = await startLeakCheck()
  const settings = engineSettings({ url: server.url, maxSockets: 4, ...options })
  const engine = kind.create(settings)
  const calls = ['hold', '', 'hold', 'hold', '', ''].map((body) => record(engine, { url: server.url, body }))
  await eventually(
    () => calls.filter(({ events }) => events.includes('data')).length >= 3,
    'some are under way',
  )

  await engine.close()
  for (const call of calls) await call.over()
  const { agent } = options as { agent?: { destroy(): void } }
  agent?.destroy()
  for (const socket of server.sockets) if (!kind.ownsSockets) socket.destroy()

  await check.released(PATIENCE_MS)
})

test('leaves nothing behind of connections that are not there yet', async () => {
  await using silent = await listenCounting(createServer((socket) => socket.resume()))
  const url = new URL(`https://127.0.0.1:${silent.port}/mcp`)
  const check = await startLeakCheck()
  const engine = createEngine(engineSettings({ url, maxSockets: 3 }))
  const calls = [1, 2, 3, 4].map(() => record(engine, { url, body: '{}' }))
  await eventually(() => silent.socketCount() > 0, 'it is called')

  await engine.close()
  for (const call of calls) await call.over()

  expect(calls.map(({ delivery }) => delivery)).toEqual(['none', 'none', 'none', 'none'])
  await check.released(PATIENCE_MS)
})
