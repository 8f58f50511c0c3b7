import type { AuthInfo, Gate } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { modern, postOf } from './support/modern.js'
import { echo, type Served, served } from './support/served.js'

const client = { clientId: 'app', scopes: ['read', 'list'] }
const ann = { ...client, extra: { sub: 'ann' } }

/** The authInfo for each token. */
const callers: Readonly<Record<string, Omit<AuthInfo, 'token'>>> = {
  ann,
  'ann, renewed': { ...ann, scopes: ['list', 'read', 'read'], expiresAt: 4_000_000_000 },
  'ann with rights': { ...ann, scopes: [...ann.scopes, 'admin'] },
  'ann elsewhere': { ...ann, resource: new URL('https://other.example/mcp') },
  'ann of another client': { ...ann, clientId: 'other' },
  bob: { ...client, extra: { sub: 'bob' } },
  'unnamed 1': { ...client, extra: { email: 'one@example.com' } },
  'unnamed 2': { ...client, extra: { email: 'two@example.com' } },
}

const gate: Gate = {
  admit: ({ headers }) => {
    const token = headers['authorization'] ?? ''
    const authInfo = callers[token]
    return authInfo
      ? { admit: true, authInfo: { token, ...authInfo } }
      : { admit: false, status: 401, reason: 'who are you?' }
  },
}

/** A server whose responses have the token of the connection and that of the request. */
const echoing = (options: Parameters<typeof served>[0] = {}): Promise<Served> =>
  served({ gate, ...options }, (request, { peer }, context) =>
    echo({ ...request, params: { peer: peer?.authInfo?.token, own: context?.authInfo?.token } }),
  )

const strangers = [
  ['ann', 'ann of another client'],
  ['ann', 'bob'],
  ['ann', 'unnamed 1'],
]
/** Callers with different rights, or without a user. */
const relatives = [
  ['ann', 'ann with rights'],
  ['ann with rights', 'ann'],
  ['ann', 'ann elsewhere'],
  ['unnamed 1', 'unnamed 2'],
]
const together = [
  ['ann', 'ann, renewed'],
  ['unnamed 1', 'unnamed 1'],
]

describe('connections of 2026-07-28', () => {
  const ask = async (server: Served, authorization = ''): Promise<unknown> =>
    (await server.ask(postOf(modern('test/who'), { authorization }))).messages[0]

  test.each([...strangers, ...relatives])('are not shared by %s and %s', async (first, second) => {
    const server = await echoing()
    await ask(server, first)
    expect(await ask(server, second)).toMatchObject({ result: { peer: second, own: second } })
    expect(server.connections).toHaveLength(2)
  })

  test.each(together)(
    'are shared by %s and %s, and each request has its own token',
    async (first, second) => {
      const server = await echoing()
      await ask(server, first)
      expect(await ask(server, second)).toMatchObject({ result: { peer: first, own: second } })
      expect(server.connections).toHaveLength(1)
    },
  )
})

describe('sessions', () => {
  const body = { jsonrpc: '2.0' as const, id: 1, method: 'test/who' }

  test.each(strangers)('of %s do not exist for %s', async (first = '', second = '') => {
    const server = await echoing()
    const headers = await server.session('2025-11-25', { authorization: first })
    const others = { ...headers, authorization: second }
    expect((await server.ask({ body, headers: others })).status).toBe(404)
    expect((await server.ask({ method: 'GET', headers: others })).status).toBe(404)
  })

  test.each([...together, ...relatives])(
    'of %s pass the token of each request of %s',
    async (first = '', second = '') => {
      const server = await echoing()
      const headers = await server.session('2025-11-25', { authorization: first })
      const renewed = { ...headers, authorization: second }
      const { messages } = await server.ask({ body, headers: renewed })
      expect(messages).toMatchObject([{ result: { peer: first, own: second } }])
    },
  )

  test('are separated by rights if the application distinguishes them', async () => {
    const server = await echoing({ principal: ({ extra, scopes }) => `${extra?.['sub']} ${scopes}` })
    const headers = await server.session('2025-11-25', { authorization: 'ann' })
    const stepped = { ...headers, authorization: 'ann with rights' }
    expect((await server.ask({ body, headers: stepped })).status).toBe(404)
  })
})
