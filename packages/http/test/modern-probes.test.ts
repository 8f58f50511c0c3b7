import { turns } from '@mcpwire/compliance'
import type { JsonRpcRequest } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { modern, postOf } from './support/modern.js'
import { application, as, call, hang, listen } from './support/modern-application.js'
import { byName } from './support/modern-server.js'
import { type Application, type echo, type Served, served } from './support/served.js'

const discover = postOf(modern('server/discover'))
const states = (server: Served): unknown[] => server.connections.map(({ state }) => state)

/** Fails `server/discover` with this code, and serves the rest. */
const failing =
  (code: number): Application =>
  (request, ...rest) =>
    request.method === 'server/discover' ? failure(request, code) : application(request, ...rest)

function failure({ id }: JsonRpcRequest, code: number): ReturnType<typeof echo> {
  return { jsonrpc: '2.0', id, error: { code, message: 'no' } }
}

describe('the connection that a server/discover has opened', () => {
  test.each([-32_601, -32_600, -32_602, -32_603, -32_000, -32_022, -32_021, -31_002])(
    'ends after the error %i, and the next request opens another',
    async (code) => {
      const server = await served({}, failing(code))
      const { messages } = await server.ask(discover)
      expect(messages).toMatchObject([{ id: 1, error: { code } }])
      await vi.waitFor(() => expect(states(server)).toEqual(['closed']))
      expect(await server.connections[0]?.closed).toBeUndefined()
      expect((await server.ask(postOf(call))).status).toBe(200)
      expect(states(server)).toEqual(['closed', 'open'])
      expect(server.errors).toEqual([])
    },
  )

  test('ends when the client disconnects before the response', async () => {
    const server = await served({}, () => undefined)
    server.open(discover).catch(() => {})
    await vi.waitFor(() => expect(server.messages).toHaveLength(1))
    server.leaveAll()
    await vi.waitFor(() => expect(states(server)).toEqual(['closed']))
  })

  test('ends after several requests for it at once', async () => {
    const server = await served({}, failing(-32_601))
    const answers = await Promise.all([discover, discover, discover].map((each) => server.ask(each)))
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400])
    await vi.waitFor(() => expect(new Set(states(server))).toEqual(new Set(['closed'])))
  })

  test('ends after the requests that are in flight, and accepts no more', async () => {
    const server = await served({}, failing(-32_601))
    const hanging = server.ask(postOf(hang))
    await vi.waitFor(() => expect(server.messages).toHaveLength(1))
    await server.ask(discover)
    await server.ask(postOf(call))
    expect(states(server)).toEqual(['open', 'open'])
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 1, result: {} })
    expect((await hanging).status).toBe(200)
    await vi.waitFor(() => expect(states(server)).toEqual(['closed', 'open']))
  })

  test('stays open after a result', async () => {
    const server = await served({}, application)
    await server.ask(discover)
    await server.ask(postOf(call))
    expect(states(server)).toEqual(['open'])
  })

  test('stays open if another request had a result before', async () => {
    const server = await served({}, failing(-32_022))
    await server.ask(postOf(call))
    const stream = await server.open(postOf(listen()))
    await server.ask(discover)
    await turns(50)
    expect(states(server)).toEqual(['open'])
    expect(stream.isOver).toBe(false)
  })

  test('stays open after the error of another method', async () => {
    const server = await served({}, (request) => failure(request, -32_601))
    await server.ask(postOf(call))
    await turns(50)
    expect(states(server)).toEqual(['open'])
  })

  test('leaves the connection of another principal open', async () => {
    const server = await served({ gate: byName }, failing(-32_601))
    await server.ask(as('one'))
    await server.ask(as('two', modern('server/discover')))
    await vi.waitFor(() => expect(states(server)).toEqual(['open', 'closed']))
  })

  test('ends with modern: per-request as any other', async () => {
    const server = await served({ modern: 'per-request' }, failing(-32_601))
    await server.ask(discover)
    await vi.waitFor(() => expect(states(server)).toEqual(['closed']))
    expect(server.errors).toEqual([])
  })
})
