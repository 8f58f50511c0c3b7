import type { EventStore } from '@mcpwire/core'
import { expect, test, vi } from 'vitest'
import { initialize, served } from './support/served.js'

const ask = (id: number): object => ({ jsonrpc: '2.0', id, method: 'test/echo' })

test('reads path and host from a target in absolute form', async () => {
  const hosts: (string | undefined)[] = []
  const gate = {
    admit: ({ host }: { host?: string }) => {
      hosts.push(host)
      return { admit: true } as const
    },
  }
  const server = await served({ gate })
  const path = `http://inner.example:${server.port}/mcp`
  expect((await server.ask({ path, body: initialize() })).status).toBe(200)
  expect(hosts).toEqual([`inner.example:${server.port}`])
  const local = await served()
  expect((await local.ask({ path, body: initialize() })).status).toBe(403)
})

test('ignores a byte order mark at the start of a body', async () => {
  const server = await served()
  const opened = await server.ask({ body: `\ufeff${JSON.stringify(initialize())}` })
  expect(opened.status).toBe(200)
})

test('accepts at most 100 messages in a batch', async () => {
  const server = await served()
  const headers = await server.session('2025-03-26')
  const batchOf = (count: number): object[] => Array.from({ length: count }, (_, id) => ask(id))
  const most = await server.ask({ body: batchOf(100), headers })
  expect({ status: most.status, length: most.messages.flat().length }).toEqual({ status: 200, length: 100 })
  const more = await server.ask({ body: batchOf(101), headers })
  expect({ status: more.status, messages: more.messages }).toMatchObject({
    status: 400,
    messages: [{ error: { message: expect.stringContaining('a batch of more than 100 messages') } }],
  })
})

test('reports an event id with a line break, and sends the event without it', async () => {
  const eventStore: EventStore = {
    storeEvent: async () => 'a\ndata: {"forged":true}',
    replayEventsAfter: () => Promise.reject(new Error('nothing is here')),
  }
  const server = await served({ eventStore, responseFormat: 'sse' })
  const headers = await server.session()
  const answer = await server.ask({ body: ask(1), headers })
  expect(answer.messages).toEqual([{ jsonrpc: '2.0', id: 1, result: { of: 'test/echo' } }])
  await vi.waitFor(() =>
    expect(server.errors).toContainEqual(
      expect.objectContaining({ code: 'CALLBACK_FAILED', details: { slot: 'eventStore.storeEvent' } }),
    ),
  )
})
