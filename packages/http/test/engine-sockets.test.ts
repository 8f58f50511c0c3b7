import { createServer, type Socket } from 'node:net'
import { createFakeClock, startLeakCheck } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { createEngine } from '../src/engines/node/engine.js'
import { engineSettings, eventually, record } from './support/engine-calls.js'
import { engineKinds } from './support/engine-kinds.js'
import { engineServer, listenCounting } from './support/engine-server.js'

const TIMEOUT_MS = 30_000

test('fails with CONNECT_TIMEOUT after connectTimeoutMs', async () => {
  await using silent = await listenCounting(createServer((socket) => socket.resume()))
  const clock = createFakeClock()
  const url = new URL(`https://127.0.0.1:${silent.port}/mcp?token=s3cret`)
  const engine = createEngine(engineSettings({ url, clock, connectTimeoutMs: 3_000 }))
  const call = record(engine, { url, body: '{}' })
  await eventually(() => silent.socketCount() === 1, 'it is connected to')

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
  await using server = await engineServer(({ response }) => response.end('yes'))
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

test('does not repeat a request that a used connection lost', async () => {
  await using server = await engineServer(({ response }) => {
    if (server.seen.length < 2) response.end('yes')
    else response.socket?.destroy()
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

test('reuses the socket of a response for a request sent within its end', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'))
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

test('sends nothing of a request that is aborted while it connects or waits', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'))
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
  expect(connecting?.events).toEqual([])
  expect(waiting?.events).toEqual([])
  expect(server.socketCount()).toBe(2)
  await engine.close()
})

test('skips informational responses', async () => {
  await using server = await engineServer(({ response }) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' })
    response.writeProcessing()
    response.end('yes')
  })
  const engine = createEngine(engineSettings({ url: server.url }))

  const call = record(engine, { url: server.url, body: '{}' })
  await call.over()

  expect(call.events).toEqual(['head', 'data', 'end'])
  expect(call.head?.status).toBe(200)
  await engine.close()
})

test('joins a header that occurs twice', async () => {
  await using server = await engineServer(({ response }) => {
    response.writeHead(401, [
      ['WWW-Authenticate', 'Basic'],
      ['WWW-Authenticate', 'Bearer realm="a"'],
    ] as never)
    response.end()
  })
  const engine = createEngine(engineSettings({ url: server.url }))

  const call = record(engine, { url: server.url, body: '{}' })
  await call.over()

  expect(call.head?.header('www-authenticate')).toBe('Basic, Bearer realm="a"')
  await engine.close()
})

test('fails on responses that are not HTTP', async () => {
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
  await using server = await engineServer(({ response }) => response.end('yes'))
  await using other = await engineServer(({ response }) => response.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url }))

  const call = record(engine, { url: other.url, headers: { authorization: 'Bearer a' } })
  await call.over()

  expect(call.delivery).toBe('none')
  expect(other.socketCount()).toBe(0)
  await engine.close()
})

test('does not keep the process alive with idle sockets', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'))
  const engine = createEngine(engineSettings({ url: server.url }))
  await record(engine, { url: server.url, body: '{}' }).over()
  const alive = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length

  expect(server.sockets.size).toBe(1)
  // The sockets of the server are in this process too.
  await eventually(() => alive() === 1, 'only the socket of the server counts')
  expect(server.sockets.size).toBe(1)
  await engine.close()
})

test.each(engineKinds)('$name resumes one response within the data of another', async (kind) => {
  const size = 1024 * 1024
  await using server = await engineServer(({ response }) => response.end(Buffer.alloc(size, 'x')))
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

test.each(engineKinds)('$name releases everything on close()', async (kind) => {
  await using server = await engineServer(({ response, body }) => {
    if (body === 'hold') response.writeHead(200).write('data')
    else response.end('yes')
  })
  const options = kind.plain()
  const check = await startLeakCheck()
  const settings = engineSettings({ url: server.url, maxSockets: 4, ...options })
  const engine = kind.create(settings)
  const calls = ['hold', '', 'hold', 'hold', '', ''].map((body) => record(engine, { url: server.url, body }))
  await eventually(
    () => calls.filter(({ events }) => events.includes('data')).length >= 3,
    'some are in progress',
  )

  await engine.close()
  for (const call of calls) await call.over()
  const { agent } = options as { agent?: { destroy(): void } }
  agent?.destroy()
  for (const socket of server.sockets) if (!kind.ownsSockets) socket.destroy()

  await check.released(TIMEOUT_MS)
})

test('releases connections that are not open yet', async () => {
  await using silent = await listenCounting(createServer((socket) => socket.resume()))
  const url = new URL(`https://127.0.0.1:${silent.port}/mcp`)
  const check = await startLeakCheck()
  const engine = createEngine(engineSettings({ url, maxSockets: 3 }))
  const calls = [1, 2, 3, 4].map(() => record(engine, { url, body: '{}' }))
  await eventually(() => silent.socketCount() > 0, 'it is connected to')

  await engine.close()
  for (const call of calls) await call.over()

  expect(calls.map(({ delivery }) => delivery)).toEqual(['none', 'none', 'none', 'none'])
  await check.released(TIMEOUT_MS)
})
