import { Client } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCookies } from '../src/engines/cookies.js'
import { createEngine } from '../src/engines/fetch/engine.js'
import { httpClient } from '../src/index.js'
import { engineSettings, eventually, record } from './support/engine-calls.js'
import { engineKinds } from './support/engine-kinds.js'
import { initializedClient, scriptedServer } from './support/scripted-server.js'

const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

/** A server whose first response sets these cookies. */
async function setting(...cookies: string[]) {
  let isSet = false
  return scriptedServer(({ response }) => {
    if (!isSet) response.setHeader('set-cookie', cookies)
    isSet = true
    return false
  })
}

/** The header of the last request, with the cookies in order of their names. */
function sent(server: Awaited<ReturnType<typeof setting>>): string | undefined {
  return server.requests.at(-1)?.headers.cookie?.split('; ').sort().join('; ')
}

describe.each(engineKinds.filter(({ name }) => name !== 'the fetch of the platform'))(
  'cookies over $name',
  (kind) => {
    const options = { ...kind.chosenBy, ...kind.plain(), standaloneStream: false }

    test.each<[string, string[], string | undefined]>([
      ['a cookie', ['node=a'], 'node=a'],
      ['two cookies', ['node=a; Path=/', 'zone=b; HttpOnly'], 'node=a; zone=b'],
      ['a cookie for the path', ['node=a; Path=/mcp'], 'node=a'],
      ['a cookie for another path', ['node=a; Path=/other'], undefined],
      ['a secure cookie of this host', ['node=a; Secure'], 'node=a'],
      ['a cookie that has expired', ['node=a; Max-Age=0'], undefined],
      ['a cookie of another domain', ['node=a; Domain=elsewhere.test'], undefined],
      ['a value with commas and equals signs', ['node="a=b,c"'], 'node="a=b,c"'],
      ['an invalid cookie', ['=', 'node=a'], 'node=a'],
      ['a cookie without a name', ['; Path=/'], undefined],
      ['a cookie that is too long', [`node=${'a'.repeat(5_000)}`, 'zone=b'], 'zone=b'],
    ])('sends back %s as far as it applies', async (_what, cookies, expected) => {
      const server = await setting(...cookies)
      await initializedClient(server, options)
      expect(sent(server)).toBe(expected)
      expect(server.of('POST')[0]?.headers.cookie).toBeUndefined()
    })
  },
)

test('sends cookies with the GET, and with the DELETE of the session', async () => {
  const server = await setting('node=a')
  const client = await initializedClient(server)
  await server.until(() => server.of('GET').length > 0, 'the stream is requested')
  await client.transport.close()
  expect(server.of('GET')[0]?.headers.cookie).toBe('node=a')
  expect(server.of('DELETE')[0]?.headers.cookie).toBe('node=a')
})

test('keeps the cookies of refusals and redirects, and replaces changed ones', async () => {
  let count = 0
  const server = await scriptedServer(({ response, url }) => {
    response.setHeader('set-cookie', `n=${++count}`)
    if (url !== '/mcp') return false
    response.writeHead(307, { location: '/moved' }).end()
    return true
  })
  const client = await initializedClient(server, { standaloneStream: false })
  await client.transport.send(note)
  const cookies = server.requests.map(({ headers }) => headers.cookie)
  expect(cookies.slice(0, 3)).toEqual([undefined, 'n=1', 'n=2'])
})

test('lets the headers of the application override a cookie', async () => {
  const server = await setting('node=a', 'zone=b')
  await initializedClient(server, { headers: { cookie: 'node=mine; x=y' }, standaloneStream: false })
  expect(sent(server)).toBe('node=mine; x=y; zone=b')
})

test('keeps no cookies with option cookies: false', async () => {
  const server = await setting('node=a')
  await initializedClient(server, { cookies: false, standaloneStream: false })
  expect(sent(server)).toBeUndefined()
})

test('shares no cookies between two clients', async () => {
  const server = await setting('node=a')
  await initializedClient(server, { standaloneStream: false })
  await initializedClient(server, { standaloneStream: false })
  expect(sent(server)).toBeUndefined()
})

test('hides the values of cookies in errors', async () => {
  let isFirst = true
  const server = await scriptedServer(({ response, headers }) => {
    if (isFirst) response.setHeader('set-cookie', 'node=s3cret-value')
    else response.writeHead(403).end(`no access for ${headers.cookie}`)
    const wasFirst = isFirst
    isFirst = false
    return !wasFirst
  })
  const transport = httpClient({ url: server.url })
  onTestFinished(() => transport.close())
  const error: Error = await new Client({ name: 'c', version: '1' })
    .connect(transport)
    .catch((reason) => reason)
  expect(error.message).toContain('no access')
  expect(error.message).not.toContain('s3cret')
})

test('stays with its node behind a load balancer', async () => {
  const nodes = new Map<string, Set<string>>([
    ['a', new Set()],
    ['b', new Set()],
  ])
  let turn = 0
  const server = await scriptedServer(({ message, headers, response }) => {
    const node = headers.cookie?.replace('node=', '') ?? (turn++ % 2 === 0 ? 'a' : 'b')
    response.setHeader('set-cookie', `node=${node}; Path=/; HttpOnly`)
    const sessions = nodes.get(node) as Set<string>
    if (message && 'method' in message && message.method === 'initialize') sessions.add('session-7f3a')
    else if (!sessions.has(String(headers['mcp-session-id']))) {
      response.writeHead(404).end()
      return true
    }
    return false
  })
  const client = await initializedClient(server)
  for (let id = 1; id <= 4; id++) {
    await client.transport.send({ jsonrpc: '2.0', id, method: 'tools/list' })
    expect(await client.responseTo(id)).toHaveProperty('result')
  }
  expect(client.errors).toEqual([])
})

test('keeps at most 50 cookies, the latest ones', async () => {
  const cookies = createCookies()
  const url = new URL('http://127.0.0.1/mcp')
  cookies.store(
    url,
    Array.from({ length: 60 }, (_, nth) => `c${nth}=x`),
  )
  await cookies.loading
  cookies.store(url, ['last=x'])
  const names = cookies.addTo({}, url)['cookie']?.split('; ') ?? []
  expect(names).toHaveLength(50)
  expect(names).toContain('last=x')
  expect(names).not.toContain('c0=x')
})

test('fails requests where the library of cookies cannot be loaded', async () => {
  const cookies = createCookies(() => Promise.reject(new Error('not installed')))
  cookies.store(new URL('http://127.0.0.1/mcp'), ['a=b'])
  await expect(cookies.loading).rejects.toMatchObject({ code: 'SEND_FAILED', details: { option: 'cookies' } })
})

test('keeps cookies over the fetch of other runtimes', async () => {
  const server = await setting('node=a')
  const url = new URL(server.url)
  const engine = createEngine(engineSettings({ url, cookies: true }))
  expect(engine.cookies).toBeDefined()
  expect(createEngine(engineSettings({ url, cookies: false })).cookies).toBeUndefined()
  const first = record(engine, { url, body: '{}' })
  await first.over()
  expect(first.head?.cookies).toEqual(['node=a'])
  await engine.close()
  await eventually(() => server.requests.length === 1, 'it was requested')
})
