import { turns } from '@mcpwire/compliance'
import { type AuthProvider, Client, UnauthorizedError } from '@modelcontextprotocol/client'
import { UnauthorizedError as UnauthorizedErrorV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import { type HttpAuth, type HttpAuthContext, httpClient } from '../src/index.js'
import { initializedClient, json, resultFor, type Script, scriptedServer } from './support/scripted-server.js'

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const challenge = 'Bearer resource_metadata="https://auth.example/meta", scope="files:read"'

/** Requires that token for everything. */
const requiring =
  (token: () => string, status = 401, header = challenge): Script =>
  ({ headers, response }) => {
    if (headers.authorization === `Bearer ${token()}`) return false
    response.writeHead(status, { 'www-authenticate': header }).end('{"error":"no"}')
    return true
  }

/** Provides the tokens `t0`, `t1`, …, a new one with each renewal. */
function provider(overlay: Partial<HttpAuth> = {}) {
  let generation = 0
  const contexts: HttpAuthContext[] = []
  const auth = {
    token: vi.fn(async () => `t${generation}`),
    onUnauthorized: vi.fn(async (context: HttpAuthContext) => {
      contexts.push(context)
      generation++
    }),
    ...overlay,
  }
  return { auth, contexts, current: () => `t${generation}` }
}

test('accepts the AuthProvider of the v2 SDK', () => {
  expectTypeOf<AuthProvider>().toExtend<HttpAuth>()
})

describe('a token', () => {
  test.each<[kind: string, token: unknown]>([
    ['a number', 12_345],
    ['an object', { access_token: 'hunter2' }],
    ['a symbol', Symbol('hunter2')],
    ['a list', ['hunter2']],
    ['a function', () => 'hunter2'],
    ['a boolean', false],
    ['a text with a line feed', 'hunter2\r\nx-evil: 1'],
    ['a text that is not ASCII', 'hunter2\u20ac'],
  ])('that is %s is rejected and not sent', async (_kind, token) => {
    const server = await scriptedServer()
    for (const returned of [token, Promise.resolve(token)]) {
      const transport = httpClient({ url: server.url, auth: { token: () => returned as string } })
      await transport.start()
      const failure = await transport.send(call(1)).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'CALLBACK_FAILED', details: { slot: 'token' } })
      expect(String(failure)).not.toContain('hunter2')
      await transport.close()
    }
    expect(server.of('POST')).toEqual([])
  })

  test.each([[undefined], [null], ['']])('that is %j sends no credential', async (token) => {
    const server = await scriptedServer()
    const client = await initializedClient(server, { auth: { token: () => token as string } })
    await client.transport.send(call(1))
    for (const { headers } of server.of('POST')) expect(headers.authorization).toBeUndefined()
  })
})

describe('a token refused with 401', () => {
  test.each(['Non autoris\xe9', 'Not \xe6\x9c\xaa here'])(
    'is renewed whatever the reason phrase of the refusal is: %s',
    async (phrase) => {
      const { auth, current } = provider()
      const server = await scriptedServer((request) => {
        if (request.headers.authorization === `Bearer ${current()}` && current() !== 't0') return false
        request.response.writeHead(401, phrase, { 'www-authenticate': challenge }).end()
        return true
      })
      const client = await initializedClient(server, { auth })
      await client.transport.send(call(1))
      expect(await client.responseTo(1)).toMatchObject({ id: 1, result: {} })
      expect(auth.onUnauthorized).toHaveBeenCalledTimes(1)
    },
  )

  test('is renewed through the fetch of the platform, which accepts no receiver', async () => {
    vi.stubGlobal('fetch', async function (this: unknown) {
      if (this !== undefined && this !== globalThis) throw new TypeError('Illegal invocation')
      return new Response('t1')
    })
    onTestFinished(() => void vi.unstubAllGlobals())
    let token = 't0'
    const onUnauthorized = async (context: HttpAuthContext): Promise<void> => {
      const answer = await context.fetchFn(context.serverUrl)
      token = await answer.text()
    }
    const server = await scriptedServer(requiring(() => 't1'))
    const client = await initializedClient(server, { auth: { token: () => token, onUnauthorized } })
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  })

  test('is renewed once for all refused requests, and each is sent once more', async () => {
    let accepted = 't0'
    const server = await scriptedServer(requiring(() => accepted))
    const { auth, contexts } = provider()
    const client = await initializedClient(server, { auth, standaloneStream: false })
    accepted = 't1'
    await Promise.all([1, 2, 3, 4, 5].map((id) => client.transport.send(call(id))))
    for (const id of [1, 2, 3, 4, 5])
      expect(await client.responseTo(id)).toEqual(resultFor(id, { of: 'tools/call' }))
    expect(auth.onUnauthorized).toHaveBeenCalledTimes(1)
    const [context] = contexts as [HttpAuthContext]
    expect(context.serverUrl.href).toBe(server.url)
    expect(context.response.status).toBe(401)
    expect(context.response.headers.get('www-authenticate')).toBe(challenge)
    expect(await context.response.text()).toBe('{"error":"no"}')
    expect(typeof context.fetchFn).toBe('function')
    const posts = server
      .of('POST')
      .filter(({ message }) => (message as { method: string }).method === 'tools/call')
    expect(posts.filter(({ headers }) => headers.authorization === 'Bearer t1')).toHaveLength(5)
    expect(posts.length).toBeLessThanOrEqual(10)
  })

  test('is not renewed again for a request that was sent before the last renewal', async () => {
    let accepted = 't0'
    let release = (): void => {}
    const server = await scriptedServer((request, server) => {
      if (
        (request.message as { id?: unknown } | undefined)?.id === 1 &&
        request.headers.authorization === 'Bearer t0'
      ) {
        release = () => request.response.writeHead(401).end()
        return true
      }
      return requiring(() => accepted)(request, server)
    })
    const { auth } = provider()
    const client = await initializedClient(server, { auth, standaloneStream: false })
    const slow = client.transport.send(call(1))
    await server.until(() => server.posted().includes('tools/call'), 'the first is in progress')
    accepted = 't1'
    await client.transport.send(call(2))
    release()
    await slow
    await client.responseTo(1)
    expect(auth.onUnauthorized).toHaveBeenCalledTimes(1)
  })

  test('rejects a second refusal with AUTH_REQUIRED, marked for the v2 SDK [AUTH-C-04]', async () => {
    const server = await scriptedServer(requiring(() => 'another'))
    const { auth } = provider()
    const transport = httpClient({ url: server.url, auth })
    onTestFinished(() => transport.close())
    await transport.start()
    const error = await transport.send(call(1)).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'AUTH_REQUIRED', details: { status: 401, challenge } })
    expect(error[Symbol.for('mcp.authSeamEscape')]).toBe(true)
    expect(error.message).not.toMatch(/t[01]/)
    expect(auth.onUnauthorized).toHaveBeenCalledTimes(1)
    expect(server.of('POST')).toHaveLength(2)
  })

  test('rejects with AUTH_REQUIRED where auth has no onUnauthorized()', async () => {
    const server = await scriptedServer(requiring(() => 'another'))
    const transport = httpClient({ url: server.url, auth: { token: () => 'mine' } })
    onTestFinished(() => transport.close())
    await transport.start()
    await expect(transport.send(call(1))).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
    expect(server.of('POST')).toHaveLength(1)
  })

  test('is renewed for the GET stream as well', async () => {
    const server = await scriptedServer((request, server) =>
      request.method === 'GET' ? requiring(() => 't1')(request, server) : false,
    )
    const { auth } = provider()
    await initializedClient(server, { auth })
    await server.until(() => server.of('GET').length === 2, 'it was requested again')
    expect(server.of('GET').map(({ headers }) => headers.authorization)).toEqual(['Bearer t0', 'Bearer t1'])
  })
})

describe('a token without the required scope', () => {
  const scopeChallenge = 'Bearer error="insufficient_scope", scope="files:write"'

  test('is renewed by onInsufficientScope(), and the request is sent once more', async () => {
    const server = await scriptedServer((request, server) =>
      (request.message as { method?: string } | undefined)?.method === 'tools/call'
        ? requiring(() => 't1', 403, scopeChallenge)(request, server)
        : false,
    )
    let generation = 0
    const onInsufficientScope = vi.fn(async ({ response }: HttpAuthContext) => {
      expect(response.headers.get('www-authenticate')).toBe(scopeChallenge)
      generation++
    })
    const client = await initializedClient(server, {
      auth: { token: () => `t${generation}`, onInsufficientScope },
    })
    await Promise.all([client.transport.send(call(1)), client.transport.send(call(2))])
    await client.responseTo(1)
    await client.responseTo(2)
    expect(onInsufficientScope).toHaveBeenCalledTimes(1)
  })

  test('rejects a second refusal with REFUSED', async () => {
    const server = await scriptedServer((request, server) =>
      (request.message as { method?: string } | undefined)?.method === 'tools/call'
        ? requiring(() => 'another', 403, scopeChallenge)(request, server)
        : false,
    )
    const onInsufficientScope = vi.fn(async () => {})
    const client = await initializedClient(server, { auth: { token: () => 't', onInsufficientScope } })
    await expect(client.transport.send(call(1))).rejects.toMatchObject({
      code: 'REFUSED',
      details: { status: 403 },
    })
    expect(onInsufficientScope).toHaveBeenCalledTimes(1)
  })

  describe('onInsufficientScope()', () => {
    const named = (method: string, id: number) => ({ jsonrpc: '2.0' as const, id, method })

    /** Refuses `wide` with 403 on release, unless the token is wide, and `plain` with 401 for the first token. */
    async function bothRefusals() {
      const held: (() => void)[] = []
      const server = await scriptedServer(({ message, headers, response }) => {
        const { method } = (message ?? {}) as { method?: string }
        const token = headers.authorization
        if (method === 'wide' && token !== 'Bearer wide')
          held.push(() => response.writeHead(403, { 'www-authenticate': scopeChallenge }).end())
        else if (method === 'plain' && token === 'Bearer t0') response.writeHead(401).end()
        else return false
        return true
      })
      return { server, held }
    }

    test.each([
      ['where a 401 renewed the token meanwhile', false],
      ['after the renewal for a 401', true],
    ])('is called %s', async (_when, isSlow) => {
      const { server, held } = await bothRefusals()
      let token = 't0'
      let go = (): void => {}
      const slots: string[] = []
      const client = await initializedClient(server, {
        standaloneStream: false,
        auth: {
          token: () => token,
          onUnauthorized: async () => {
            slots.push('onUnauthorized')
            if (isSlow) await new Promise<void>((resolve) => (go = resolve))
            token = 't1'
            slots.push('t1')
          },
          onInsufficientScope: async () => {
            slots.push('onInsufficientScope')
            token = 'wide'
          },
        },
      })
      const wide = client.transport.send(named('wide', 1))
      await server.until(() => held.length === 1, 'it is in progress')
      const plain = client.transport.send(named('plain', 2))
      if (!isSlow) await plain
      await server.until(() => slots.length > 0, 'another token is requested')
      held[0]?.()
      await turns(50)
      go()
      await Promise.all([plain, wide])
      expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'wide' }))
      expect(slots).toEqual(['onUnauthorized', 't1', 'onInsufficientScope'])
    })

    test('is called once, also for a request that was sent before the scope was granted', async () => {
      const { server, held } = await bothRefusals()
      let token = 't0'
      const onInsufficientScope = vi.fn(async () => {
        token = 'wide'
      })
      const auth = { token: () => token, onInsufficientScope }
      const client = await initializedClient(server, { standaloneStream: false, auth })
      const sent = [client.transport.send(named('wide', 1)), client.transport.send(named('wide', 2))]
      await server.until(() => held.length === 2, 'both are in progress')
      held[0]?.()
      await Promise.race(sent)
      held[1]?.()
      await Promise.all(sent)
      expect(onInsufficientScope).toHaveBeenCalledTimes(1)
    })
  })

  test('is not renewed for another 403', async () => {
    const server = await scriptedServer((request, server) =>
      (request.message as { method?: string } | undefined)?.method === 'tools/call'
        ? requiring(() => 'another', 403, 'Bearer error="invalid_token"')(request, server)
        : false,
    )
    const onInsufficientScope = vi.fn(async () => {})
    const client = await initializedClient(server, { auth: { token: () => 't', onInsufficientScope } })
    await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'REFUSED' })
    expect(onInsufficientScope).not.toHaveBeenCalled()
  })
})

describe('an error of the application', () => {
  const info = { name: 'test', version: '1.0.0' }

  test.each([
    ['token()', (error: Error): HttpAuth => ({ token: () => Promise.reject(error) })],
    [
      'onUnauthorized()',
      (error: Error): HttpAuth => ({ token: () => 'x', onUnauthorized: () => Promise.reject(error) }),
    ],
  ])('in %s is thrown by both SDKs, unchanged where they recognize it', async (_where, failing) => {
    const server = await scriptedServer(requiring(() => 'another'))
    const kinds = [
      { client: new ClientV1(info), error: new UnauthorizedErrorV1('redirected') },
      { client: new Client(info), error: new UnauthorizedError('redirected') },
      {
        client: new Client(info, { versionNegotiation: { mode: 'auto' } }),
        error: new UnauthorizedError('redirected'),
      },
    ]
    for (const { client, error } of kinds) {
      const transport = httpClient({ url: server.url, auth: failing(error) })
      await expect((client as Client).connect(transport)).rejects.toBe(error)
    }
    const cause = new Error('mine')
    const transport = httpClient({ url: server.url, auth: failing(cause) })
    const client = new Client(info, { versionNegotiation: { mode: 'auto' } })
    const error: Error = await client.connect(transport).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'CALLBACK_FAILED', cause })
    expect(error.message).toMatch(/cannot (?:get|refresh) the token for http:.*: mine$/)
  })

  test('in headers() is CALLBACK_FAILED', async () => {
    const server = await scriptedServer()
    const cause = new Error('mine')
    const headers = () => Promise.reject(cause)
    const transport = httpClient({ url: server.url, headers })
    onTestFinished(() => transport.close())
    await transport.start()
    await expect(transport.send(call(1))).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      details: { slot: 'headers' },
      cause,
    })
    expect(server.requests).toEqual([])
  })
})

test('calls headers() for each request, over the headers of the client, below those of one message', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if ((message as { method?: string } | undefined)?.method !== 'tools/call') return false
    json(response, resultFor((message as { id: number }).id))
    return true
  })
  let calls = 0
  const headers = () => ({
    'X-Nth': `${++calls}`,
    Authorization: 'Basic abc',
    Accept: '*/*',
    'x-mine': 'all',
  })
  const client = await initializedClient(server, { headers, standaloneStream: false })
  await client.transport.send(call(1), { headers: { 'X-Mine': 'this', 'Mcp-Param-Region': 'eu' } })
  const posts = server.of('POST')
  expect(posts.map((each) => each.headers['x-nth'])).toEqual(['1', '2', '3'])
  expect(posts[2]?.headers).toMatchObject({
    authorization: 'Basic abc',
    accept: '*/*',
    'x-mine': 'this',
    'mcp-param-region': 'eu',
  })
  expect(posts[1]?.headers).toMatchObject({ 'x-mine': 'all' })
})

const mine = { authorization: 'Bearer mine' }

test.each([
  ['an object', mine],
  ['a function', () => mine],
])('prefers headers given as %s to the token of auth, in every request', async (_how, headers) => {
  const server = await scriptedServer()
  const client = await initializedClient(server, { headers, auth: { token: () => 'from-auth' } })
  await client.transport.send(call(1))
  await server.until(() => server.of('GET').length === 1, 'the stream was requested')
  await client.transport.close()
  expect(server.of('DELETE')).toHaveLength(1)
  expect(new Set(server.requests.map((each) => each.headers.authorization))).toEqual(new Set(['Bearer mine']))
})
