// Messages of requests that are cancelled or finished: dropped, and reported where there are many.

import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import {
  event,
  initializedClient,
  json,
  resultFor,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = (id: number, progressToken?: string | number) => ({
  jsonrpc: '2.0' as const,
  id,
  method: 'tools/call',
  params: { name: 'x', ...(progressToken !== undefined && { _meta: { progressToken } }) },
})
const cancellation = (requestId: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
})
const progress = (progressToken: string | number, at = 1) => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken, progress: at },
})
const end = { jsonrpc: '2.0', method: 'notifications/end' }
const times = (count: number, message: unknown): string => event(message).repeat(count)

/** A client with an open stream for other messages, whose calls are answered unless their id is over 100. */
async function connected(options: Partial<HttpClientOptions> = {}) {
  const clock = createFakeClock()
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response)
    else if (message && isRequest(message) && message.method === 'tools/call') {
      if (Number(message.id) > 100) stream(response)
      else json(response, resultFor(message.id))
    } else return false
    return true
  })
  const client = await initializedClient(server, { clock, ...options })
  await server.until(() => server.of('GET').length === 1, 'the stream is requested')
  const get = server.of('GET')[0]?.response
  const before = client.messages.length
  return {
    ...client,
    clock,
    /** Writes to the stream, and waits until all of it arrived. Returns the other messages that arrived. */
    async write(text: string): Promise<JsonRpcMessage[]> {
      const from = client.messages.length
      get?.write(text + event(end))
      const isEnd = (message: JsonRpcMessage) => 'method' in message && message.method === end.method
      await server.until(() => client.messages.slice(from).some(isEnd), 'it arrived')
      return client.messages.slice(from).filter((message) => !isEnd(message))
    },
    received: () => client.messages.slice(before),
  }
}

/** Whether the request ended by its response, or by its cancellation. */
const endings = ['answered', 'cancelled'] as const

describe.each(endings)('progress of a request that was %s', (ending) => {
  async function ended(token: string | number) {
    const client = await connected()
    const id = ending === 'answered' ? 1 : 101
    await client.transport.send(call(id, token))
    if (ending === 'answered') await client.responseTo(1)
    else await client.transport.send(cancellation(101))
    return client
  }

  test.each([
    ['a text', 'abc'],
    ['a number', 7],
    ['0', 0],
    ['an empty text', ''],
  ])('is dropped without a report where its token is %s', async (_what, token) => {
    const client = await ended(token)
    expect(await client.write(times(10, progress(token)))).toEqual([])
    expect(client.errors).toEqual([])
    expect(client.clock.pending).toBeLessThanOrEqual(1)
  })

  test('is reported once a second where it goes on', async () => {
    const client = await ended('abc')
    expect(await client.write(times(510, progress('abc')))).toEqual([])
    expect(client.errors).toMatchObject([{ code: 'MALFORMED_MESSAGE' }])
    await client.clock.advance(1_000)
    expect(client.errors).toMatchObject([{}, { code: 'MALFORMED_MESSAGE', details: { count: 499 } }])
    await client.write(times(3, progress('abc')))
    await client.clock.advance(1_000)
    expect(client.errors).toMatchObject([{}, {}, { details: { count: 3 } }])
    await client.clock.advance(5_000)
    expect(client.errors).toHaveLength(3)
  })

  test('is delivered to a later request with the same token', async () => {
    const client = await ended('abc')
    await client.transport.send(call(102, 'abc'))
    expect(await client.write(times(2, progress('abc')))).toEqual([progress('abc'), progress('abc')])
    expect(client.errors).toEqual([])
  })

  test('is delivered where another request in progress has the same token', async () => {
    const client = await connected()
    await client.transport.send(call(103, 'abc'))
    await client.transport.send(call(ending === 'answered' ? 1 : 101, 'abc'))
    if (ending === 'answered') await client.responseTo(1)
    else await client.transport.send(cancellation(101))
    expect(await client.write(event(progress('abc')))).toEqual([progress('abc')])
  })
})

describe('the response to a cancelled request', () => {
  test.each([
    ['one result', 1, resultFor(101)],
    ['one error', 1, { jsonrpc: '2.0', id: 101, error: { code: -1, message: 'cancelled' } }],
    ['ten results', 10, resultFor(101)],
  ])('is dropped without a report: %s', async (_what, count, message) => {
    const client = await connected()
    await client.transport.send(call(101))
    await client.transport.send(cancellation(101))
    expect(await client.write(times(count, message))).toEqual([])
    expect(client.errors).toEqual([])
  })

  test('is reported once a second where it is repeated', async () => {
    const client = await connected()
    await client.transport.send(call(101))
    await client.transport.send(cancellation(101))
    expect(await client.write(times(40, resultFor(101)))).toEqual([])
    await client.clock.advance(1_000)
    expect(client.errors).toMatchObject([
      { code: 'MALFORMED_MESSAGE' },
      { details: { count: 29, preview: 'response' } },
    ])
  })
})

test.each([
  ['to a request that was answered', 1],
  ['to no request at all', 99],
])('a response %s is reported at once, and more of them once a second', async (_what, id) => {
  const client = await connected()
  await client.transport.send(call(1))
  await client.responseTo(1)
  expect(await client.write(times(1_000, resultFor(id)))).toEqual([])
  expect(client.errors).toHaveLength(1)
  await client.clock.advance(1_000)
  expect(client.errors).toMatchObject([
    { code: 'MALFORMED_MESSAGE', message: expect.stringContaining(`id ${id}`) },
    { code: 'MALFORMED_MESSAGE', details: { count: 999 } },
  ])
  expect(client.transport.state).toBe('open')
})

test('close() reports the rest, and leaves no deadline', async () => {
  const client = await connected()
  await client.transport.send(call(1, 'abc'))
  await client.responseTo(1)
  await client.write(times(20, progress('abc')) + times(5, resultFor(1)))
  await client.transport.close()
  await turns()
  expect(
    client.errors.map((error) => (error as { details?: { count?: number } }).details?.count ?? 1),
  ).toEqual([1, 1, 9, 4])
  expect(client.clock.pending).toBe(0)
})

test('many ended requests cost no memory beyond the latest thousand', async () => {
  const client = await connected()
  for (let at = 0; at < 1_200; at += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, nth) => {
        const id = 10_000 + at + nth
        await client.transport.send(call(id, `t${id}`))
        await client.transport.send(cancellation(id))
      }),
    )
  }
  // The oldest is no longer recognized: its progress is delivered as that of an unknown request.
  expect(await client.write(event(progress('t10000')) + event(progress('t11199')))).toEqual([
    progress('t10000'),
  ])
}, 30_000)
