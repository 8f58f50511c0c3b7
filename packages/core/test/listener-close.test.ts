import { settled } from '@mcpwire/test-support/fake-clock'
import { cancelled } from '@mcpwire/test-support/messages'
import { describe, expect, test, vi } from 'vitest'
import type { Listener, Transport } from '../src/index.js'
import { caller } from './support/acceptors.js'
import { deferred } from './support/channels.js'
import { listening, making } from './support/listening.js'
import { numbered } from './support/messages.js'

describe('close() of a listener', () => {
  const inOrder = (made: { log: string[]; acceptor: { close: { mock: { calls: unknown[] } } } }) => [
    made.log,
    made.acceptor.close.mock.calls.length,
  ]

  test('ends an idle listener', async () => {
    const made = making()
    await Promise.all([made.listener.close(), made.listener.close()])

    expect(inOrder(made)).toEqual([['close'], 0])
    await expect(made.listener.closed).resolves.toBeUndefined()
  })

  test('releases the address, closes each connection and then calls onclose', async () => {
    const made = await listening()
    await made.offer(caller(), caller())
    const [served, idle] = made.yielded as [Transport, Transport]
    await served.start()
    served.onclose = () => made.log.push('served')
    idle.onclose = () => made.log.push('idle')
    await Promise.all([made.listener.close(), made.listener.close()])

    expect(inOrder(made)).toEqual([
      [expect.stringMatching(/served|idle/), expect.stringMatching(/served|idle/), 'close'],
      1,
    ])
    expect(made.listener.connections.size).toBe(0)
  })

  test('refuses waiting callers before onclose and later callers after it', async () => {
    const { listener, offer, log, sink } = await listening({ gate: { admit: () => new Promise(() => {}) } })
    const [waiting, late] = [caller(), caller()]
    waiting.refuse.mockImplementation(() => void log.push('refused'))
    await offer(waiting)
    const closed = listener.close()
    sink.connection(late)
    await closed

    expect(log).toEqual(['refused', 'close'])
    expect(late.refuse.mock.calls[0]?.[0]).toMatchObject({ status: 503 })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('reports a binding whose close() %s', async (_name, close) => {
    const { listener, errors } = await listening({}, { close })
    await listener.close()

    expect(errors).toMatchObject([{ message: 'broken' }])
  })

  test('waits for the release of the address up to closeTimeoutMs', async () => {
    const { clock, listener, errors, log } = await listening(
      { closeTimeoutMs: 100 },
      { close: () => new Promise(() => {}) },
    )
    const closed = listener.close()
    await clock.advance(100)
    await closed

    expect(log).toEqual(['error', 'close'])
    expect(clock.pending).toBe(0)
    expect(errors[0]?.message).toContain('closeTimeoutMs (100 ms)')
  })

  test('waits for a hanging connection up to closeTimeoutMs', async () => {
    const { clock, listener, yielded, offer } = await listening({ closeTimeoutMs: 100 })
    await offer(caller({}, { close: () => new Promise(() => {}) }))
    await yielded[0]?.start()
    const closed = listener.close()
    await clock.advance(100)
    await closed

    expect(yielded[0]?.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('happens with the error of a failed acceptor as reason', async () => {
    const failure = new Error('address removed')
    const made = await listening()
    await made.offer(caller())
    made.sink.end(failure)

    await expect(made.listener.closed).resolves.toBe(failure)
    expect(inOrder(made)).toEqual([['error', 'close'], 1])
    expect(made.yielded[0]?.state).toBe('closed')
  })

  test('does not happen after a reported error of one caller', async () => {
    const { listener, sink, errors } = await listening()
    const error = new Error('handshake failed')
    sink.error(error)

    expect(errors).toEqual([error])
    expect(listener.address).toBe('test://here')
    await listener.close()
  })

  test('completes when callbacks throw', async () => {
    const { listener, sink, errors } = await listening()
    listener.onclose = () => {
      throw new Error('my bug')
    }
    await listener.close()
    expect(errors).toMatchObject([{ message: 'my bug' }])

    const other = await listening()
    other.listener.onerror = () => {
      throw new Error('my bug')
    }
    other.sink.error(new Error('something'))
    await other.listener.close()
    expect(sink).toBeDefined()
  })

  test('happens on dispose', async () => {
    const made = await listening()
    await made.listener[Symbol.asyncDispose]()

    expect(inOrder(made)).toEqual([['close'], 1])
  })
})

describe('close() with drainMs', () => {
  const answer = (id: number) => ({ jsonrpc: '2.0', id, result: {} }) as const
  const asking = (id: number, method = 'tools/call') => ({ jsonrpc: '2.0', id, method }) as const
  const served = async (parts: Parameters<typeof caller>[1] = {}) => {
    const made = await listening()
    const client = caller({}, parts)
    await made.offer(client)
    const [connection] = made.yielded as [Transport]
    await connection.start()
    return { ...made, connection, ask: client.connector.sink.message }
  }
  const closingWith = (listener: Listener, drainMs: number) => {
    const done = vi.fn()
    void listener.close({ drainMs }).then(done)
    return done
  }

  test('waits for pending requests', async () => {
    const { clock, listener, connection, ask } = await served()
    ask(asking(1))
    ask(asking(2))
    const done = closingWith(listener, 1_000)
    await clock.advance(10)
    await connection.send(answer(1))
    await settled()
    expect(done).not.toHaveBeenCalled()
    expect(connection.state).toBe('open')
    await connection.send(answer(2))
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
    expect(connection.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('waits until the medium has accepted the response', async () => {
    const taken = deferred()
    const { listener, connection, ask } = await served({ send: () => taken.promise })
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    const sent = connection.send(answer(1))
    await settled()
    expect(done).not.toHaveBeenCalled()
    taken.resolve()
    await sent
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
  ])('does not wait for a response whose send %s', async (_name, send) => {
    const { listener, connection, ask } = await served({ send })
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    await connection.send(answer(1)).catch(() => {})
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test('continues and reports the error when the release of the address fails', async () => {
    const { listener, yielded, errors, offer } = await listening(
      {},
      { close: () => Promise.reject(new Error('broken')) },
    )
    const client = caller()
    await offer(client)
    const [connection] = yielded as [Transport]
    await connection.start()
    client.connector.sink.message(asking(1))
    const done = closingWith(listener, 1_000)
    await settled()
    expect(done).not.toHaveBeenCalled()
    expect(connection.state).toBe('open')
    await connection.send(answer(1))
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
    expect(errors.map(({ message }) => message)).toEqual(['broken'])
  })

  test('waits at most drainMs', async () => {
    const { clock, listener, connection, ask } = await served()
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    await clock.advance(999)
    expect(done).not.toHaveBeenCalled()
    await clock.advance(1)

    expect(done).toHaveBeenCalledTimes(1)
    expect(connection.state).toBe('closed')
  })

  test('does not wait for subscriptions, notifications or cancelled requests', async () => {
    const { listener, ask } = await served()
    ask(asking(1, 'subscriptions/listen'))
    ask(numbered(1))
    ask(asking(2))
    ask(cancelled(2))
    const done = closingWith(listener, 1_000)
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test('does not wait for an ended connection', async () => {
    const { listener, connection, ask } = await served()
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    await connection.close()
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test('does not wait without drainMs', async () => {
    const { listener, ask } = await served()
    ask(asking(1))
    await listener.close()

    expect(listener.connections.size).toBe(0)
  })
})
