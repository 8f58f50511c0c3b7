import { createFakeClock } from '@mcpwire/compliance'
import type { JsonRpcMessage, MessageContext, RequestId, Transport } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import type { HttpServerOptions } from '../src/node/index.js'
import type { OpenAnswer, RawEvent } from './support/raw-http.js'
import { echo, served } from './support/served.js'

const ask = (id: RequestId, params = {}) => ({ jsonrpc: '2.0' as const, id, method: 'test/ask', params })
const about = (id: RequestId, n: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: `${id}: ${n}` },
})
const change = (n: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/resources/updated',
  params: { uri: `test:${n}` },
})

/** A server that answers requests when the test calls `answer`. */
async function waiting(options: Partial<HttpServerOptions> = {}) {
  const contexts = new Map<RequestId, MessageContext | undefined>()
  const server = await served(options, ({ id }, _, context) => {
    contexts.set(id, context)
    return undefined
  })
  const connection = (): Transport => {
    const [only] = server.connections
    if (!only) throw new Error('there is no session')
    return only
  }
  return {
    ...server,
    contexts,
    notify: (id: RequestId, n: number) => connection().send(about(id, n), { relatedRequestId: id }),
    send: (message: JsonRpcMessage) => connection().send(message),
    answer: (id: RequestId) => connection().send(echo(ask(id)), { relatedRequestId: id }),
  }
}

const polling = () => ({ eventStore: memoryEventStore(), retryMs: 250 })

async function receivedOn(stream: OpenAnswer, count: number): Promise<unknown[]> {
  await stream.until(() => stream.messages.length >= count, `${count} messages came`)
  return stream.messages
}

function idsOf(events: readonly RawEvent[]): string[] {
  return events.flatMap(({ id }) => (id === undefined ? [] : [id]))
}

describe('the stream of a request', () => {
  test('carries the messages of its request and no other, then the response, then ends [HTTP-S-15, HTTP-S-16, HTTP-S-19, HTTP-S-39]', async () => {
    const server = await waiting()
    const headers = await server.session()
    const common = await server.open({ method: 'GET', headers })
    const answers = [server.open({ body: ask(1), headers }), server.open({ body: ask(2), headers })]
    await common.until(() => server.contexts.size === 2, 'both have arrived')
    await server.notify(1, 1)
    await server.notify(2, 1)
    await server.notify(1, 2)
    await server.send(change(1))
    const [one, two] = await Promise.all(answers)
    if (!one || !two) throw new Error('no streams')
    expect(await receivedOn(one, 2)).toEqual([about(1, 1), about(1, 2)])
    expect({ one: one.isOver, two: two.isOver }).toEqual({ one: false, two: false })
    await server.answer(2)
    await server.answer(1)
    await one.until(() => one.isOver && two.isOver, 'both end')
    expect(one.messages).toEqual([about(1, 1), about(1, 2), echo(ask(1))])
    expect(two.messages).toEqual([about(2, 1), echo(ask(2))])
    expect(await receivedOn(common, 1)).toEqual([change(1)])
  })

  test.each(['2025-03-26', '2025-06-18', '2025-11-25'])(
    'stays open until the response is sent, and disables buffering of nginx: %s [HTTP-S-18, HTTP-S-29]',
    async (revision) => {
      const server = await waiting()
      const headers = await server.session(revision)
      const opened = server.open({ body: ask(1), headers })
      await expect.poll(() => server.contexts.size).toBe(1)
      await server.notify(1, 1)
      const stream = await opened
      await receivedOn(stream, 1)
      expect(stream.headers['x-accel-buffering']).toBe('no')
      expect(stream.headers['content-type']).toBe('text/event-stream')
      expect(stream.isOver).toBe(false)
      await server.answer(1)
      await stream.until(() => stream.isOver, 'it ends')
      expect(stream.messages.at(-1)).toEqual(echo(ask(1)))
    },
  )

  test('has each message on one line of data, with the event name message [SSEW-02, SSEW-05]', async () => {
    const server = await served({ responseFormat: 'sse' })
    const headers = await server.session()
    const params = { text: 'two\nlines\r\nand \u2028 more' }
    const stream = await server.open({ body: ask(1, params), headers })
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.events).toEqual([{ name: 'message', data: JSON.stringify(echo(ask(1, params))) }])
  })

  test('has a comment after it was idle for keepAliveIntervalMs [HTTP-S-30]', async () => {
    const clock = createFakeClock()
    const server = await waiting({ clock, keepAliveIntervalMs: 10_000, idleTimeoutMs: Infinity })
    const headers = await server.session()
    const common = await server.open({ method: 'GET', headers })
    const opened = server.open({ body: ask(1), headers })
    await common.until(() => server.contexts.size === 1, 'it has arrived')
    await clock.advance(9_000)
    expect(common.events).toEqual([])
    await clock.advance(3_000)
    const stream = await opened
    for (const each of [common, stream]) {
      await each.until(() => each.events.length === 1, 'a comment came')
      expect(Object.keys(each.events[0] ?? {})).toEqual(['comment'])
    }
    await server.answer(1)
    expect(await receivedOn(stream, 1)).toEqual([echo(ask(1))])
  })

  test('is not cancelled by a disconnect, and its response can be fetched [HTTP-S-26, RES-S-05]', async () => {
    const server = await waiting(polling())
    const headers = await server.session()
    const stream = await server.open({ body: ask(1), headers })
    await stream.until(() => stream.events.length > 0, 'it began')
    stream.leave()
    await server.answer(1)
    const again = await server.ask({
      method: 'GET',
      headers: { ...headers, 'last-event-id': idsOf(stream.events)[0] },
    })
    expect(again.messages).toEqual([echo(ask(1))])
    expect(server.messages).not.toContainEqual(expect.objectContaining({ method: 'notifications/cancelled' }))
  })

  test('is not cancelled at once by a disconnect without an event store [HTTP-S-26]', async () => {
    const clock = createFakeClock()
    const server = await waiting({ clock, responseFormat: 'sse', cancelAfterMs: 20_000 })
    const headers = await server.session()
    const opened = server.open({ body: ask(1), headers })
    await expect.poll(() => server.contexts.size).toBe(1)
    await server.notify(1, 1)
    const stream = await opened
    await receivedOn(stream, 1)
    stream.leave()
    await clock.advance(15_000)
    expect(server.messages).not.toContainEqual(expect.objectContaining({ method: 'notifications/cancelled' }))
  })
})

describe('streams with an event store', () => {
  test('open with an id and no data, and have ids for their events, in 2025-11-25 [HTTP-S-20, HTTP-S-28, RES-S-01]', async () => {
    const server = await waiting(polling())
    const headers = await server.session()
    const stream = await server.open({ body: ask(1), headers })
    await stream.until(() => stream.events.length === 1, 'it opened')
    expect(stream.events).toEqual([{ id: expect.stringMatching(/./), retry: '250', data: '' }])
    await server.answer(1)
    await stream.until(() => stream.isOver, 'it ends')
    expect(idsOf(stream.events)).toHaveLength(2)
    const common = await server.open({ method: 'GET', headers })
    await common.until(() => common.events.length === 1, 'it opened')
    expect(common.events).toEqual([{ id: expect.stringMatching(/./), retry: '250', data: '' }])
  })

  test.each(['2025-03-26', '2025-06-18'])(
    'have no event without data for clients of %s, which would fail on it [HTTP-S-20]',
    async (revision) => {
      const server = await served({ ...polling(), responseFormat: 'sse' })
      const headers = await server.session(revision)
      const answer = await server.open({ body: ask(1), headers })
      await answer.until(() => answer.isOver, 'it ends')
      expect(answer.events.filter(({ data }) => !data)).toEqual([])
      expect(answer.messages).toEqual([echo(ask(1))])
    },
  )

  test('are closed by the server with a retry hint, and the client gets the rest [HTTP-S-21, HTTP-S-22, RES-S-05]', async () => {
    const server = await waiting(polling())
    const headers = await server.session()
    const stream = await server.open({ body: ask(1), headers })
    await stream.until(() => server.contexts.size === 1, 'it has arrived')
    await server.notify(1, 1)
    await receivedOn(stream, 1)
    server.contexts.get(1)?.closeSSEStream?.()
    await stream.until(() => stream.isOver, 'it was hung up')
    expect(stream.events.at(-1)).toMatchObject({ retry: '250' })
    await server.notify(1, 2)
    const lastEventId = idsOf(stream.events).at(-1)
    const again = await server.open({ method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } })
    await receivedOn(again, 1)
    await server.notify(1, 3)
    await server.answer(1)
    await again.until(() => again.isOver, 'it ends')
    expect(again.messages).toEqual([about(1, 2), about(1, 3), echo(ask(1))])
  })

  test('are closed with a retry hint also if they belong to the session [HTTP-S-21, HTTP-S-22]', async () => {
    const server = await waiting(polling())
    const headers = await server.session()
    const common = await server.open({ method: 'GET', headers })
    await common.until(() => common.events.length === 1, 'it opened')
    const stream = await server.open({ body: ask(1), headers })
    await stream.until(() => server.contexts.size === 1, 'it has arrived')
    server.contexts.get(1)?.closeStandaloneSSEStream?.()
    await common.until(() => common.isOver, 'it was hung up')
    expect(common.events.at(-1)).toEqual({ retry: '250' })
    await server.answer(1)
    await stream.until(() => stream.isOver, 'the other ends')
    await server.send(change(1))
    const again = await server.open({
      method: 'GET',
      headers: { ...headers, 'last-event-id': idsOf(common.events)[0] },
    })
    expect(await receivedOn(again, 1)).toEqual([change(1)])
  })

  test('have unique event ids that name their stream, and no replay contains another stream [RES-S-02, RES-S-03, RES-S-06]', async () => {
    const server = await waiting(polling())
    const headers = await server.session()
    const common = await server.open({ method: 'GET', headers })
    const streams: OpenAnswer[] = [common]
    for (const id of [1, 2]) streams.push(await server.open({ body: ask(id), headers }))
    await common.until(() => server.contexts.size === 2, 'both have arrived')
    for (const n of [1, 2]) {
      await server.notify(1, n)
      await server.notify(2, n)
      await server.send(change(n))
    }
    for (const stream of streams) await receivedOn(stream, 2)
    const ids = streams.map(({ events }) => idsOf(events))
    expect(ids.flat()).toHaveLength(9)
    expect(new Set(ids.flat()).size).toBe(9)
    for (const stream of streams) stream.leave()
    await server.answer(2)
    const replays = await Promise.all(
      ids.map(([first]) => server.open({ method: 'GET', headers: { ...headers, 'last-event-id': first } })),
    )
    const [again, one, two] = replays
    if (!again || !one || !two) throw new Error('no streams')
    expect(await receivedOn(again, 2)).toEqual([change(1), change(2)])
    expect(await receivedOn(one, 2)).toEqual([about(1, 1), about(1, 2)])
    expect(await receivedOn(two, 3)).toEqual([about(2, 1), about(2, 2), echo(ask(2))])
  })

  test('are not replayed in another session [RES-S-06, SESS-S-13]', async () => {
    const server = await waiting(polling())
    const headers = await server.session()
    const stream = await server.open({ body: ask(1), headers })
    await stream.until(() => stream.events.length === 1, 'it opened')
    await server.notify(1, 1)
    const other = await server.session()
    const answer = await server.ask({
      method: 'GET',
      headers: { ...other, 'last-event-id': idsOf(stream.events)[0] },
    })
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain('info')
  })

  test('are not used for the response to tasks/get [GEN-34]', async () => {
    const server = await served(polling())
    const headers = await server.session()
    const answer = await server.ask({ body: { ...ask(1), method: 'tasks/get' }, headers })
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.messages).toMatchObject([{ id: 1 }])
  })
})

describe('the stream of a session', () => {
  test('carries requests and notifications, no response, and each message once [HTTP-S-33, HTTP-S-35, HTTP-S-36, HTTP-S-39]', async () => {
    const server = await waiting()
    const headers = await server.session()
    const refused = await server.ask({ method: 'GET', headers: { ...headers, accept: 'application/json' } })
    expect(refused.status).toBe(406)
    const common = await server.open({ method: 'GET', headers })
    const root: JsonRpcMessage = { jsonrpc: '2.0', id: 's1', method: 'roots/list' }
    await server.send(root)
    await server.send(change(1))
    const one = server.open({ body: ask(1), headers })
    const two = server.open({ body: ask(2), headers })
    await common.until(() => server.contexts.size === 2, 'both have arrived')
    await server.answer(1)
    await server.answer(2)
    for (const [id, opened] of [
      [1, one],
      [2, two],
    ] as const) {
      const answer = await opened
      await answer.until(() => answer.isOver, 'it is answered')
      expect(answer.messages).toEqual([echo(ask(id))])
    }
    await server.send(change(2))
    expect(await receivedOn(common, 3)).toEqual([root, change(1), change(2)])
  })

  test('is replaced by a new one, which alone gets messages, and may be closed in an open session [HTTP-37, HTTP-S-39]', async () => {
    const server = await waiting()
    const headers = await server.session()
    const stale = await server.open({ method: 'GET', headers })
    const fresh = await server.open({ method: 'GET', headers })
    await stale.until(() => stale.isOver, 'the stale one ended')
    await server.send(change(1))
    expect(await receivedOn(fresh, 1)).toEqual([change(1)])
    expect(stale.messages).toEqual([])
    fresh.leave()
    const answer = server.ask({ body: ask(1), headers })
    await expect.poll(() => server.contexts.size).toBe(1)
    await server.answer(1)
    expect((await answer).messages).toEqual([echo(ask(1))])
  })
})
