import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it, vi } from 'vitest'
import { type JsonRpcMessage, memoryPair, peer, pipe, TransportError } from '../src/index.js'
import { numbered, request } from './support/messages.js'
import { cancelled, pipedPairs, response, scriptedPipe } from './support/pipes.js'
import { scriptedTransport } from './support/scripted-transport.js'

describe('pipe: ends', () => {
  it('starts b before a', async () => {
    const [a, b] = [scriptedTransport(), scriptedTransport()]
    const started: string[] = []
    a.start = async () => void started.push('a')
    b.start = async () => {
      await settled()
      started.push('b')
    }
    pipe(a, b)
    await vi.waitFor(() => expect(started).toEqual(['b', 'a']))
  })

  it('does not start a after b has ended or the pipe was closed', async () => {
    for (const stop of ['end', 'close'] as const) {
      const clock = fakeClock()
      const [a, b] = [scriptedTransport(), scriptedTransport()]
      const started = vi.spyOn(a, 'start')
      let open!: () => void
      b.start = () =>
        new Promise((resolve) => {
          open = resolve
        })
      const piped = pipe(a, b, { clock })
      if (stop === 'end') a.onclose?.()
      else void piped.close()
      open()
      // Time does not pass on the fake clock.
      await piped.closed
      expect(started).not.toHaveBeenCalled()
    }
  })

  it('closes the other end with the reason when one cannot be started', async () => {
    const failure = new Error('refused')
    for (const failing of ['a', 'b'] as const) {
      const [, whole] = memoryPair()
      const broken = Object.assign(scriptedTransport(), { start: () => Promise.reject(failure) })
      const piped = failing === 'a' ? pipe(broken, whole) : pipe(whole, broken)
      expect(await piped.closed).toBe(failure)
      expect(await whole.closed).toBe(failure)
    }
  })

  it('closes when a foreign transport closes during start()', async () => {
    const [, a] = memoryPair()
    const b = scriptedTransport()
    b.start = async () => b.onclose?.()
    expect(await pipe(a, b).closed).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(a.state).toBe('closed')
  })

  it('delivers messages sent before an orderly end, then closes the other end', async () => {
    const { client, server, a, b, piped } = pipedPairs()
    const recorded: JsonRpcMessage[] = []
    client.onmessage = (message) => recorded.push(message)
    await Promise.all([client.start(), server.start()])
    for (const n of [1, 2, 3]) await server.send(numbered(n))
    await server.close()
    expect(await client.closed).toBeUndefined()
    expect(recorded).toEqual([1, 2, 3].map(numbered))
    expect(await piped.closed).toBeUndefined()
    expect(a.state).toBe('closed')
    expect(b.state).toBe('closed')
  })

  it('responds to pending requests when an end fails, then closes with its reason', async () => {
    const { client, server, b, piped } = pipedPairs()
    const near = peer(client)
    await Promise.all([near.start(), server.start()])
    const requests = [near.request('slow'), near.request('slow')]
    await settled()
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    const reason = new TransportError('PEER_LOST', 'lost secret:1', { address: 'secret:1' }, { cause })
    await b.close({ reason })
    for (const each of requests) {
      await expect(each).rejects.toMatchObject({
        code: -31_002,
        message: 'upstream lost',
        data: { code: 'PEER_LOST', cause: 'ECONNRESET' },
      })
    }
    expect(await piped.closed).toBe(reason)
    expect(client.state).toBe('closed')
  })

  it('responds to pending requests of the server when the client closes', async () => {
    const { a, b, piped } = await scriptedPipe()
    b.onmessage?.(request('s', 'sampling/createMessage'))
    a.onclose?.()
    expect(await piped.closed).toBeUndefined()
    expect(b.sent.at(-1)?.message).toMatchObject({
      id: 's',
      error: { code: -31_002, data: { code: 'CLOSED' } },
    })
  })

  it('waits at most drainTimeoutMs for an end that accepts nothing', async () => {
    const clock = fakeClock()
    const { a, b, piped } = await scriptedPipe({ clock, drainTimeoutMs: 100 })
    const closed = vi.fn()
    void piped.closed.then(closed)
    a.answer = () => new Promise(() => {})
    b.onmessage?.(numbered(1))
    b.onclose?.()
    await clock.advance(99)
    expect(closed).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(closed).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
  })

  it('counts missing responses and messages of the client', async () => {
    const clock = fakeClock()
    const { a, b, piped } = await scriptedPipe({ clock, drainTimeoutMs: 100 })
    a.answer = () => new Promise(() => {})
    for (const id of [1, 2, 3]) a.onmessage?.(request(id, 'tools/call'))
    a.onmessage?.(request('l', 'subscriptions/listen'))
    a.onmessage?.(cancelled(3))
    b.onmessage?.(response(1))
    b.onmessage?.(numbered(1))
    a.onclose?.()
    await clock.advance(100)
    expect(await piped.closed).toBeUndefined()
    expect(piped.missing).toEqual({ responses: 1, messages: 2 })
  })

  it('counts pending requests of a closed server', async () => {
    const { a, b, piped } = await scriptedPipe()
    a.onmessage?.(request(1, 'tools/call'))
    a.onmessage?.(request(2, 'tools/call'))
    b.onmessage?.(response(2))
    b.onclose?.()
    await piped.closed
    expect(a.sent.at(-1)?.message).toMatchObject({ id: 1, error: { code: -31_002 } })
    expect(piped.missing).toEqual({ responses: 1, messages: 0 })
  })

  it('counts pending messages after close() and after a failed start', async () => {
    const { a, piped } = await scriptedPipe()
    a.onmessage?.(request(1, 'tools/call'))
    a.onmessage?.(numbered(1))
    await piped.close()
    expect(piped.missing).toEqual({ responses: 1, messages: 0 })

    const [client, near] = memoryPair()
    const failing = scriptedTransport()
    failing.start = () => Promise.reject(new Error('no'))
    const failed = pipe(near, failing)
    await failed.closed
    expect(failed.missing).toEqual({ responses: 0, messages: 0 })
    await client.close()
  })

  it('closes both ends, started or not, and is idempotent', async () => {
    const { client, server, a, b, piped } = pipedPairs()
    const reason = new Error('enough')
    await Promise.all([piped.close({ reason }), piped.close()])
    expect(await Promise.all([piped.closed, a.closed, b.closed])).toEqual([reason, reason, reason])
    await Promise.all([client.close(), server.close()])
  })

  it('rejects transports that were started before', async () => {
    const [a, b] = memoryPair()
    await a.start()
    const started = expect.objectContaining({ code: 'INVALID_OPTION' })
    expect(() => pipe(a, b)).toThrow(started)
    expect(() => pipe(b, a)).toThrow(started)
    await a.close()
  })
})
