import { createFakeClock, type FakeClock } from '@mcpwire/compliance'
import { isTransportError } from '@mcpwire/core'
import { expect, test, vi } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import type { HttpServerOptions } from '../src/node/index.js'
import { type Served, served } from './support/served.js'

const call = { jsonrpc: '2.0' as const, id: 7, method: 'test/slow' }
const cancelled: unknown = expect.objectContaining({
  method: 'notifications/cancelled',
  params: expect.objectContaining({ requestId: 7 }),
})

interface Disconnected {
  readonly server: Served
  readonly clock: FakeClock
}

/** A request in flight whose client is gone. */
async function left(options: Partial<HttpServerOptions>): Promise<Disconnected> {
  const clock = createFakeClock()
  const server = await served(
    { clock, cancelAfterMs: 1_000, responseFormat: 'sse', ...options },
    () => undefined,
  )
  const headers = await server.session()
  const [connection] = server.connections
  const asking = server.open({ body: call, headers })
  await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ method: 'test/slow' }))
  await connection?.send({ jsonrpc: '2.0', method: 'notifications/x' }, { relatedRequestId: 7 })
  const answer = await asking
  answer.leave()
  return { server, clock }
}

test('cancels the request at once with onDisconnect: cancel', async () => {
  const { server } = await left({ onDisconnect: 'cancel' })
  await vi.waitFor(() => expect(server.messages).toContainEqual(cancelled))
})

test('cancels the request after cancelAfterMs without an event store', async () => {
  const { server, clock } = await left({})
  await vi.waitFor(async () => {
    await clock.advance(500)
    expect(server.messages).toContainEqual(cancelled)
  })
  const [connection] = server.connections
  await expect(connection?.send({ jsonrpc: '2.0', id: 7, result: {} })).rejects.toMatchObject({
    code: 'SEND_FAILED',
  })
})

test('continues the request with onDisconnect: continue, and rejects its response', async () => {
  const { server, clock } = await left({ onDisconnect: 'continue' })
  await clock.advance(60_000)
  expect(server.messages).not.toContainEqual(cancelled)
  const [connection] = server.connections
  await vi.waitFor(async () => {
    const outcome = await connection
      ?.send({ jsonrpc: '2.0', id: 7, result: {} })
      .catch((error: unknown) => error)
    expect(isTransportError(outcome, 'SEND_FAILED')).toBe(true)
  })
})

test('leaves no deadline behind after its response was rejected', async () => {
  const { server, clock } = await left({})
  const [connection] = server.connections
  const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
  await vi.waitFor(() =>
    expect(connection?.send(note, { relatedRequestId: 7 })).rejects.toThrow(/disconnected/),
  )
  await expect(connection?.send({ jsonrpc: '2.0', id: 7, result: {} })).rejects.toThrow(/disconnected/)
  await server.listener.close()
  expect(clock.pending).toBe(0)
})

test('drops messages of the request, which no other stream carries [HTTP-S-16]', async () => {
  const { server } = await left({ onDisconnect: 'continue' })
  const [connection] = server.connections
  const headers = { 'mcp-session-id': connection?.sessionId ?? '' }
  const stream = await server.open({ method: 'GET', headers })
  const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
  await vi.waitFor(() =>
    expect(connection?.send(note, { relatedRequestId: 7 })).rejects.toMatchObject({ code: 'SEND_FAILED' }),
  )
  await connection?.send({ ...note, params: { own: true } })
  await stream.until(() => stream.events.length > 0, 'the other one came')
  expect(stream.events).toHaveLength(1)
  expect(stream.messages).toEqual([{ ...note, params: { own: true } }])
})

test('delivers the response once when the client resumes with an event store', async () => {
  const clock = createFakeClock()
  const server = await served({ clock, eventStore: memoryEventStore() }, () => undefined)
  const headers = await server.session()
  const [connection] = server.connections
  const answer = await server.open({ body: call, headers })
  await answer.until(() => answer.events.length > 0, 'the stream began with an id')
  const lastEventId = answer.events[0]?.id ?? ''
  answer.leave()
  await connection?.send(
    { jsonrpc: '2.0', method: 'notifications/x', params: { n: 1 } },
    { relatedRequestId: 7 },
  )
  const back = await server.open({ method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } })
  await back.until(() => back.messages.length === 1, 'what was missed came')
  await connection?.send({ jsonrpc: '2.0', id: 7, result: { done: true } })
  await back.until(() => back.isOver, 'the stream ended')
  expect(back.messages).toMatchObject([{ params: { n: 1 } }, { id: 7, result: { done: true } }])
  const seen = back.events.map(({ id }) => id).filter(Boolean)
  const done = await server.ask({
    method: 'GET',
    headers: { ...headers, 'last-event-id': seen.at(-1) ?? '' },
  })
  expect(done.status).toBe(204)
  const whole = await server.ask({ method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } })
  expect(whole.messages).toHaveLength(2)
})

test('ends the response without a message when the client cancels its request', async () => {
  const server = await served({}, () => undefined)
  const headers = await server.session()
  const asking = server.ask({ body: call, headers })
  await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ method: 'test/slow' }))
  const params = { requestId: 7 }
  await server.ask({ body: { jsonrpc: '2.0', method: 'notifications/cancelled', params }, headers })
  const answer = await asking
  expect({ status: answer.status, contentType: answer.headers['content-type'], text: answer.text }).toEqual({
    status: 200,
    contentType: 'text/event-stream',
    text: '',
  })
  const again = server.ask({ body: call, headers })
  await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ method: 'test/slow' }))
  await server.connections[0]?.send({ jsonrpc: '2.0', id: 7, result: {} })
  expect((await again).messages).toMatchObject([{ id: 7, result: {} }])
})

test('responds with an error when the session ends meanwhile', async () => {
  const server = await served({}, () => undefined)
  const headers = await server.session()
  const asking = server.ask({ body: call, headers })
  await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ method: 'test/slow' }))
  await server.connections[0]?.close()
  expect((await asking).messages).toMatchObject([{ id: 7, error: { data: { code: 'OUTCOME_UNKNOWN' } } }])
})
