import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { createFakeClock } from '@mcpwire/compliance'
import { afterEach, expect, test, vi } from 'vitest'
import type { EngineSettings } from '../src/engines/engine.js'
import { createEngine } from '../src/engines/node/engine.js'
import { engineSettings, eventually, type Recorded, record } from './support/engine-calls.js'
import { credentials } from './support/engine-kinds.js'
import { connectProxy } from './support/engine-proxy.js'
import { engineServer, listenCounting } from './support/engine-server.js'

const { ca, server: own } = credentials
const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']

afterEach(() => vi.unstubAllEnvs())

/** Sets these variables, and removes those of the environment of the tests. */
function environment(variables: Readonly<Record<string, string>>): void {
  for (const name of VARIABLES.flatMap((each) => [each, each.toLowerCase()])) vi.stubEnv(name, undefined)
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
}

async function ask(settings: Partial<EngineSettings> & { url: URL }): Promise<Recorded> {
  const engine = createEngine(engineSettings(settings))
  const call = record(engine, { url: settings.url, body: '{}' })
  await call.over()
  await engine.close()
  return call
}

test('sends plain HTTP in absolute form, and lets the proxy resolve the name of the server', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'))
  await using proxy = await connectProxy()
  const url = new URL(`http://server.test:${server.port}/mcp?x=%20`)

  expect((await ask({ url, proxy: `http://127.0.0.1:${proxy.port}` })).text()).toBe('yes')
  expect(proxy.requests).toEqual([{ target: url.href, authorization: undefined }])
  expect(server.seen[0]?.headers.host).toBe(url.host)
  expect(server.seen[0]?.path).toBe('/mcp?x=%20')
})

test('reuses a connection to the proxy for the next request in absolute form', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'))
  await using proxy = await connectProxy()
  const { url } = server
  const engine = createEngine(engineSettings({ url, proxy: `http://127.0.0.1:${proxy.port}` }))
  for (let count = 0; count < 5; count++) await record(engine, { url, body: '{}' }).over()
  expect(server.seen).toHaveLength(5)
  expect(proxy.socketCount()).toBe(1)
  await engine.close()
  await eventually(() => proxy.sockets.size === 0, 'the connection is closed')
})

test('reuses a tunnel for the next request', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'), own)
  await using proxy = await connectProxy()
  const { url } = server
  const engine = createEngine(engineSettings({ url, tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` }))

  for (let count = 0; count < 5; count++) await record(engine, { url, body: '{}' }).over()

  expect(server.seen).toHaveLength(5)
  expect(proxy.requests).toHaveLength(1)
  await engine.close()
  await eventually(() => proxy.sockets.size === 0, 'the tunnel is closed')
})

test('speaks TLS with the proxy itself', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'), own)
  await using proxy = await connectProxy({ tls: own })
  const secure = `https://127.0.0.1:${proxy.port}`

  expect((await ask({ url: server.url, tls: { ca }, proxy: secure })).text()).toBe('yes')
  const refused = await ask({ url: new URL('https://server.test/mcp'), proxy: secure })
  expect(refused.delivery).toBe('none')
  expect(refused.failure?.message).toContain(`proxy 127.0.0.1:${proxy.port}: `)
  expect(refused.failure?.message).toContain('tls.ca')
})

test('sends user and password to the proxy only', async () => {
  await using server = await engineServer(({ response }) => response.end('yes'))
  await using proxy = await connectProxy({ credentials: 'user:p@ss word' })
  const { url } = server
  const at = (user: string): string => `http://${user}@127.0.0.1:${proxy.port}`

  expect((await ask({ url, proxy: at('user:p%40ss%20word') })).text()).toBe('yes')
  expect(JSON.stringify(server.seen[0]?.headers)).not.toContain('uthorization')
  const refused = await ask({ url, proxy: at('user:wr0ng') })
  expect(refused.delivery).toBe('none')
  expect(refused.failure?.message).toContain(`proxy 127.0.0.1:${proxy.port}: `)
  expect(refused.failure?.message).toContain('407')
  expect(inspect(refused.failure, { depth: 9 })).not.toMatch(/wr0ng|dXNlcjp3/)
})

test.each(['not a URL p@ss', 'ftp://user:p@ss@127.0.0.1', 'http://user:p%ss@127.0.0.1', 5 as never])(
  'rejects an invalid proxy without showing it (%#)',
  (proxy) => {
    let thrown: unknown
    try {
      createEngine(engineSettings({ url: new URL('http://127.0.0.1:1/mcp'), proxy }))
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'proxy' } })
    expect(inspect(thrown)).not.toMatch(/p(?:@|%)ss/)
  },
)

test('names the proxy that cannot be reached', async () => {
  const closed = await connectProxy()
  await closed[Symbol.asyncDispose]()

  const call = await ask({ url: new URL('http://server.test/mcp'), proxy: `http://127.0.0.1:${closed.port}` })

  expect(call.delivery).toBe('none')
  expect(call.failure?.message).toContain(`proxy 127.0.0.1:${closed.port}: connect ECONNREFUSED`)
})

test('includes the proxy in the time for connecting', async () => {
  await using silent = await listenCounting(createServer((socket) => socket.resume()))
  const clock = createFakeClock()
  const url = new URL('http://server.test/mcp')
  const settings = { url, clock, connectTimeoutMs: 5_000, proxy: `https://127.0.0.1:${silent.port}` }
  const engine = createEngine(engineSettings(settings))
  const call = record(engine, { url, body: '{}' })
  await eventually(() => silent.socketCount() === 1, 'the proxy has a connection')

  await clock.advance(5_000)
  await call.over()

  expect(call.delivery).toBe('none')
  await engine.close()
  await eventually(() => silent.sockets.size === 0, 'the connection is closed')
})

test.each([
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY' }, true],
  ['http://server.test/mcp', { http_proxy: 'PROXY', HTTP_PROXY: 'http://127.0.0.1:1' }, true],
  ['http://server.test/mcp', { HTTP_PROXY: 'BARE' }, true],
  ['http://server.test/mcp', { HTTPS_PROXY: 'PROXY' }, false],
  ['https://server.test/mcp', { HTTPS_PROXY: 'PROXY' }, true],
  ['https://server.test/mcp', { HTTP_PROXY: 'PROXY' }, false],
  ['http://server.test/mcp', { HTTP_PROXY: '' }, false],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: 'other.test' }, true],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: 'other.test, Server.test' }, false],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '.test' }, false],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '*.test' }, false],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: 'rver.test' }, true],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: 'server.test:80' }, false],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: 'server.test:81' }, true],
  ['http://server.test/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '*' }, false],
  ['http://192.0.2.7/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '192.0.2.0/24' }, false],
  ['http://192.0.2.7/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '192.0.2.8/30,192.0.2.0/x' }, true],
  ['http://[2001:db8::1]/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '2001:db8::1' }, false],
  ['http://[2001:db8::1]/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '[2001:db8::1]:80' }, false],
  ['http://[2001:db8::1]/mcp', { HTTP_PROXY: 'PROXY', NO_PROXY: '2001:db8::2' }, true],
] as const)(
  'connects to %s with %o in the environment through the proxy: %s',
  async (url, variables, isProxied) => {
    await using proxy = await connectProxy({ status: 503 })
    const text = JSON.stringify(variables)
      .replace('PROXY"}', `http://127.0.0.1:${proxy.port}"}`)
      .replace('"PROXY"', `"http://127.0.0.1:${proxy.port}"`)
      .replace('"BARE"', `"127.0.0.1:${proxy.port}"`)
    environment(JSON.parse(text))
    const clock = createFakeClock()
    const settings = engineSettings({ url: new URL(url), proxy: 'environment', clock })
    const engine = createEngine(settings)

    const call = record(engine, { url: settings.url, body: '{}' })
    if (isProxied) await call.over()
    await engine.close()
    await call.over()

    const target = url.startsWith('https') ? `${settings.url.hostname}:443` : settings.url.href
    expect(proxy.requests.map((each) => each.target)).toEqual(isProxied ? [target] : [])
  },
)

test('names the variable of an invalid proxy in the environment', () => {
  environment({ HTTP_PROXY: 'ftp://user:p@ss@127.0.0.1' })
  const settings = engineSettings({ url: new URL('http://server.test/mcp'), proxy: 'environment' })

  expect(() => createEngine(settings)).toThrow(/option "proxy".*HTTP_PROXY/)
})
