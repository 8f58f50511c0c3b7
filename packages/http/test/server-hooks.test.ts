import { createFakeClock } from '@mcpwire/compliance'
import type { HttpHooks } from '@mcpwire/core'
import { expect, test, vi } from 'vitest'
import { echo, initialize, served } from './support/served.js'

const fail = (): never => {
  throw new Error('from a hook')
}
const marked = { responseHeaders: () => ({ 'x-mark': 'yes' }) }

test('adds headers to failures of hooks, full servers, refused callers and server errors', async () => {
  const hooks: HttpHooks = {
    ...marked,
    preflight: fail,
    routes: { '/throws': fail, '/rejects': async () => fail(), '/none': () => undefined as never },
  }
  const server = await served({ hooks })
  const headers = await server.session()
  const answers = [
    await server.ask({ method: 'OPTIONS' }),
    await server.ask({ method: 'GET', path: '/throws' }),
    await server.ask({ method: 'GET', path: '/rejects' }),
    await server.ask({ method: 'GET', path: '/none' }),
    await server.ask({ method: 'PUT' }),
    await server.ask({ body: '{', headers }),
    await server.ask({ body: initialize(), headers: { accept: 'text/plain' } }),
    await server.ask({ body: initialize(), headers: { host: 'evil.example' } }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([500, 500, 500, 500, 405, 400, 406, 403])
  for (const answer of answers) expect(answer.headers['x-mark']).toBe('yes')
  expect(server.errors.slice(0, 3).map(({ message }) => message)).toEqual([
    'hooks.preflight failed: from a hook',
    'hooks.routes["/throws"] failed: from a hook',
    'hooks.routes["/rejects"] failed: from a hook',
  ])
})

test('adds headers to the refusal of a resolver', async () => {
  const resolveCaller = () => ({ admit: false, status: 400, reason: 'malformed' }) as const
  const server = await served({ hooks: marked, resolveCaller })
  const answer = await server.ask({ body: initialize() })
  expect([answer.status, answer.headers['x-mark']]).toEqual([400, 'yes'])
})

test('adds headers where there is no capacity', async () => {
  const server = await served(
    { hooks: marked, maxConnections: 1, responseFormat: 'sse' },
    ({ method, ...rest }) => (method === 'stay' ? undefined : echo({ method, ...rest })),
  )
  const headers = await server.session()
  server.open({ body: { jsonrpc: '2.0', id: 1, method: 'stay' }, headers }).catch(() => {})
  await vi.waitFor(() => expect(server.messages).toContainEqual(expect.objectContaining({ method: 'stay' })))
  const answer = await server.ask({ body: initialize() })
  expect([answer.status, answer.headers['x-mark']]).toEqual([503, 'yes'])
})

test('responds with 500, without a body of its own, where responseHeaders throws', async () => {
  const server = await served({ hooks: { responseHeaders: fail } })
  const answer = await server.ask({ body: initialize() })
  expect(answer.status).toBe(500)
  expect(JSON.stringify(answer.messages)).not.toContain('from a hook')
  expect(server.connections).toEqual([])
  expect(server.errors.map(({ message }) => message)).toEqual(['hooks.responseHeaders failed: from a hook'])
})

test('responds with 503 where a route does not respond within gateTimeoutMs', async () => {
  const clock = createFakeClock()
  const asked = vi.fn(() => new Promise<never>(() => {}))
  const server = await served({
    clock,
    gateTimeoutMs: 700,
    hooks: { ...marked, routes: { '/hangs': asked } },
  })
  const answer = server.ask({ method: 'GET', path: '/hangs' })
  await vi.waitFor(() => expect(asked).toHaveBeenCalled())
  await clock.advance(699)
  expect(server.errors).toEqual([])
  await clock.advance(1)
  const { status, headers } = await answer
  expect([status, headers['x-mark'], headers['retry-after']]).toEqual([503, 'yes', '5'])
  expect(server.errors.map(({ message }) => message)).toEqual([
    'hooks.routes["/hangs"] failed: it did not respond within gateTimeoutMs (700 ms)',
  ])
})
