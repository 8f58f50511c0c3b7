import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import type { ListenerOptions, Transport } from '../src/index.js'
import { caller } from './support/acceptors.js'
import { listening } from './support/listening.js'
import { numbered } from './support/messages.js'

describe('a connection of a listener', () => {
  const startedWith = async (options: ListenerOptions) => {
    const made = await listening(options)
    const client = caller()
    await made.offer(client)
    const [connection] = made.yielded as [Transport]
    await connection.start()
    return { ...made, client, connection }
  }

  test('is closed and its caller released when it is not started within startTimeoutMs', async () => {
    const { clock, yielded, offer } = await listening({ startTimeoutMs: 100 })
    const client = caller()
    await offer(client)
    await clock.advance(99)
    expect(yielded[0]?.state).toBe('idle')
    await clock.advance(1)

    expect(yielded[0]?.state).toBe('closed')
    expect(client.refuse).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
    await expect(yielded[0]?.closed).resolves.toMatchObject({
      message: expect.stringContaining('startTimeoutMs'),
    })
  })

  test('is not closed after startTimeoutMs once it was started', async () => {
    const { clock, connection } = await startedWith({ startTimeoutMs: 100 })
    await clock.advance(1_000)

    expect(connection.state).toBe('open')
  })

  test('is closed when the admission expires', async () => {
    const expiresAt = fakeClock().epochNow() + 500
    const { clock, connection } = await startedWith({ gate: { admit: () => ({ admit: true, expiresAt }) } })
    await clock.advance(499)
    expect(connection.state).toBe('open')
    await clock.advance(1)

    await expect(connection.closed).resolves.toMatchObject({ code: 'REFUSED', details: { status: 401 } })
  })

  test('is closed on time when the admission expires in a month', async () => {
    const monthMs = 30 * 86_400_000
    const fake = fakeClock()
    const late = { ...fake, deadline: (ms: number, expire: () => void) => fake.deadline(ms * 1.01, expire) }
    const gate = { admit: () => ({ admit: true as const, expiresAt: fake.epochNow() + monthMs }) }
    const { connection } = await startedWith({ gate, clock: late })
    await fake.advance(monthMs - 1)
    expect(connection.state).toBe('open')
    await fake.advance(100)

    expect(connection.state).toBe('closed')
  })

  test('is not closed early when the admission expires in years', async () => {
    const expiresAt = fakeClock().epochNow() + 1e12
    const { clock, connection } = await startedWith({ gate: { admit: () => ({ admit: true, expiresAt }) } })
    await clock.advance(1e11)

    expect(connection.state).toBe('open')
  })

  test('is closed when the admission is revoked', async () => {
    const controller = new AbortController()
    const { connection, client } = await startedWith({
      gate: { admit: () => ({ admit: true, revoked: controller.signal }) },
    })
    controller.abort()

    await expect(connection.closed).resolves.toMatchObject({ code: 'REFUSED', details: { status: 401 } })
    expect(client.connector.close).toHaveBeenCalledTimes(1)
  })

  test('is not passed to onconnection when the admission is revoked before', async () => {
    const controller = new AbortController()
    const { listener, yielded, offer } = await listening({
      gate: { admit: () => ({ admit: true, revoked: controller.signal }) },
      sessionPolicy: {
        open: () => {
          controller.abort()
          return { admit: true }
        },
      },
    })
    const client = caller()
    await offer(client)

    expect(yielded).toHaveLength(0)
    expect(listener.connections.size).toBe(0)
    expect(client.refuse).toHaveBeenCalledTimes(1)
  })

  test('is closed at the lifetime of its session', async () => {
    const { clock, connection } = await startedWith({
      sessionPolicy: { open: () => ({ admit: true, lifetimeMs: 1_000 }) },
    })
    await clock.advance(999)
    expect(connection.state).toBe('open')
    await clock.advance(1)

    await expect(connection.closed).resolves.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('1000 ms'),
    })
  })

  test('is closed when neither side sends a message within idleTimeoutMs', async () => {
    const { clock, connection, client } = await startedWith({
      sessionPolicy: { open: () => ({ admit: true, idleTimeoutMs: 100 }) },
    })
    await clock.advance(60)
    client.connector.sink.message(numbered(1))
    await clock.advance(60)
    await connection.send(numbered(2))
    await clock.advance(99)
    expect(connection.state).toBe('open')
    await clock.advance(1)

    await expect(connection.closed).resolves.toMatchObject({
      message: expect.stringContaining('idleTimeoutMs'),
    })
    expect(clock.pending).toBe(0)
  })

  test('leaves no deadline and no abort listener after any end', async () => {
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const { clock, connection, client } = await startedWith({
      gate: { admit: () => ({ admit: true, revoked: controller.signal, expiresAt: 9e15 }) },
      sessionPolicy: { open: () => ({ admit: true, lifetimeMs: 1e9, idleTimeoutMs: 1e9 }) },
    })
    expect(clock.pending).toBeGreaterThan(0)
    client.connector.sink.end()
    await connection.closed
    await settled()

    expect(clock.pending).toBe(0)
    expect(removed).toHaveBeenCalledTimes(1)
  })

  test('releases its session once', async () => {
    const release = vi.fn()
    const { connection } = await startedWith({ sessionPolicy: { open: () => ({ admit: true, release }) } })
    expect(release).not.toHaveBeenCalled()
    await Promise.all([connection.close(), connection.close()])
    await settled()

    expect(release).toHaveBeenCalledTimes(1)
  })

  test('ends and reports the error when release() throws', async () => {
    const failure = new Error('my bug')
    const { connection, errors, listener } = await startedWith({
      sessionPolicy: {
        open: () => ({
          admit: true,
          release: () => {
            throw failure
          },
        }),
      },
    })
    await connection.close()
    await settled()

    expect(errors).toEqual([failure])
    expect(listener.connections.size).toBe(0)
  })

  test('releases its caller when it is closed before the start', async () => {
    const { yielded, offer } = await listening()
    const client = caller()
    await offer(client)
    await yielded[0]?.close()
    await settled()

    expect(client.connector.connects).toBe(0)
    expect(client.refuse.mock.calls[0]?.[0].status).toBe(503)
  })
})
