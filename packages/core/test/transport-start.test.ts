import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import { createTransport } from '../src/authoring.js'
import { deferred, foreignPromise, handmade } from './support/channels.js'
import { code, logged } from './support/transports.js'

describe('a failed start()', () => {
  test('rejects with the error of the connector after calling onerror and onclose', async () => {
    const failure = new Error('refused')
    const transport = createTransport(handmade({ connect: () => Promise.reject(failure) }))
    const log = logged(transport)

    await expect(transport.start()).rejects.toBe(failure)
    expect(transport.state).toBe('closed')
    expect(log).toEqual(['error refused', 'close'])
    await expect(transport.closed).resolves.toBe(failure)
  })

  test.each([
    [
      'throws instead',
      () => {
        throw new Error('refused')
      },
    ],
    ['answers nothing', () => undefined as never],
    ['makes nothing', async () => undefined as never],
  ])('rejects when the connector %s', async (_name, connect) => {
    const transport = createTransport(handmade({ connect }))
    const onclose = vi.fn()
    transport.onclose = onclose

    await expect(transport.start()).rejects.toThrow()
    expect(transport.state).toBe('closed')
    expect(onclose).toHaveBeenCalledTimes(1)
    await expect(transport.closed).resolves.toBeInstanceOf(Error)
  })

  test('rejects with the original value and resolves closed with an error', async () => {
    const transport = createTransport(handmade({ connect: () => Promise.reject('no') }))

    await expect(transport.start()).rejects.toBe('no')
    await expect(transport.closed).resolves.toMatchObject({ message: 'no' })
  })

  test('accepts a promise of another library', async () => {
    const transport = createTransport(
      handmade({
        connect: (channel) => foreignPromise((resolve) => resolve(channel)),
      }),
    )
    await transport.start()

    expect(transport.state).toBe('open')
  })
})

describe('an aborted start()', () => {
  test('rejects with the reason and does not connect for an aborted signal', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const log = logged(transport)
    const reason = { not: 'an error' }

    await expect(transport.start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(connector.connects).toBe(0)
    expect(log.at(-1)).toBe('close')
    expect(transport.state).toBe('closed')
  })

  test('aborts the connector and rejects with the reason, whatever the connector rejects with', async () => {
    const reason = new Error('changed my mind')
    const connector = handmade({
      connect: (_channel, _sink, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('socket hang up')))
        }),
    })
    const clock = fakeClock()
    const transport = createTransport(connector, { clock })
    const controller = new AbortController()
    const started = transport.start({ signal: controller.signal })
    controller.abort(reason)

    await expect(started).rejects.toBe(reason)
    expect(connector.signal.reason).toBe(reason)
    expect(clock.pending).toBe(0)
    await expect(transport.closed).resolves.toBe(reason)
  })

  test('abandons a connector after closeTimeoutMs and closes its late channel', async () => {
    const clock = fakeClock()
    const late = deferred()
    const connector = handmade({
      connect: async (channel) => {
        await late.promise
        return channel
      },
    })
    const transport = createTransport(connector, { clock, closeTimeoutMs: 100 })
    const controller = new AbortController()
    const rejected = vi.fn()
    transport.start({ signal: controller.signal }).catch(rejected)
    controller.abort(new Error('now'))
    await clock.advance(99)
    expect(rejected).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(rejected).toHaveBeenCalledTimes(1)
    late.resolve()
    await settled()

    expect(connector.close).toHaveBeenCalledTimes(1)
    expect(transport.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('late')
      },
    ],
    ['rejects', () => Promise.reject(new Error('late'))],
    ['answers nothing', () => undefined as never],
  ])('ignores a late channel that %s when it is closed', async (_name, close) => {
    const clock = fakeClock()
    const late = deferred()
    const connector = handmade({ connect: (channel) => late.promise.then(() => channel), close })
    const transport = createTransport(connector, { clock, closeTimeoutMs: 100 })
    const started = transport.start({ signal: AbortSignal.any([]) })
    const closed = transport.close()
    await Promise.all([expect(started).rejects.toEqual(code('CLOSED')), clock.advance(100), closed])
    late.resolve()
    await settled()

    expect(connector.close).toHaveBeenCalledTimes(1)
  })

  test('closes a channel that arrives in the same microtask', async () => {
    const controller = new AbortController()
    const reason = new Error('just now')
    const connector = handmade({
      connect: async (channel) => {
        queueMicrotask(() => controller.abort(reason))
        return channel
      },
    })
    const transport = createTransport(connector)

    await expect(transport.start({ signal: controller.signal })).rejects.toBe(reason)
    expect(connector.close).toHaveBeenCalledTimes(1)
    expect(transport.state).toBe('closed')
  })

  test('has no effect after the start', async () => {
    const controller = new AbortController()
    const transport = createTransport(handmade())
    await transport.start({ signal: controller.signal })
    controller.abort()
    await settled()

    expect(transport.state).toBe('open')
  })

  test('leaves no abort listener after any end', async () => {
    const { signal } = new AbortController()
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    await createTransport(handmade()).start({ signal })
    await createTransport(handmade({ connect: () => Promise.reject(new Error('no')) }))
      .start({ signal })
      .catch(() => {})

    expect(added).toHaveBeenCalledTimes(2)
    expect(removed).toHaveBeenCalledTimes(2)
  })
})

describe('close() during start()', () => {
  test('rejects the start with CLOSED and ends orderly', async () => {
    const connector = handmade({
      connect: (_channel, _sink, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    const started = transport.start()
    const rejected = expect(started).rejects.toEqual(code('CLOSED'))
    await Promise.all([transport.close(), transport.close(), rejected])

    expect(transport.state).toBe('closed')
    expect(log).toEqual(['close'])
    await expect(transport.closed).resolves.toBeUndefined()
  })

  test('keeps its reason', async () => {
    const reason = new Error('enough')
    const transport = createTransport(handmade({ connect: (channel) => settled().then(() => channel) }))
    const rejected = expect(transport.start()).rejects.toMatchObject({ code: 'CLOSED', cause: reason })
    await Promise.all([transport.close({ reason }), rejected])

    await expect(transport.closed).resolves.toBe(reason)
  })

  test('closes a channel that arrives afterwards', async () => {
    const connector = handmade({ connect: (channel) => settled().then(() => channel) })
    const transport = createTransport(connector)
    const rejected = expect(transport.start()).rejects.toEqual(code('CLOSED'))
    await transport.close()
    await rejected

    expect(connector.close).toHaveBeenCalledTimes(1)
  })

  test('takes closeTimeoutMs in all for a slow connector with a hanging channel', async () => {
    const clock = fakeClock()
    const late = deferred()
    const connector = handmade({
      connect: (channel) => late.promise.then(() => channel),
      close: () => new Promise(() => {}),
    })
    const transport = createTransport(connector, { clock, closeTimeoutMs: 100 })
    const onclose = vi.fn()
    transport.onclose = onclose
    const rejected = expect(transport.start()).rejects.toEqual(code('CLOSED'))
    void transport.close()
    await clock.advance(90)
    late.resolve()
    await clock.advance(9)
    expect(transport.state).toBe('closing')
    expect(onclose).not.toHaveBeenCalled()
    await clock.advance(1)

    expect(transport.state).toBe('closed')
    expect(onclose).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
    await rejected
  })
})

describe('a peer that closes during start()', () => {
  test.each([
    [
      'before the channel is there',
      (sink: { end: (reason?: Error) => void }, reason?: Error) => sink.end(reason),
    ],
    [
      'as the channel is handed over',
      (sink: { end: (reason?: Error) => void }, reason?: Error) => queueMicrotask(() => sink.end(reason)),
    ],
  ])('rejects the start %s', async (_name, hangUp) => {
    const reason = new Error('reset')
    const connectors = [undefined, reason].map((why) =>
      handmade({
        connect: async (channel, sink) => {
          hangUp(sink, why)
          return channel
        },
      }),
    )
    const [silent, spoken] = connectors.map((connector) => createTransport(connector))

    await expect(silent?.start()).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      details: { address: 'test://peer' },
    })
    await expect(spoken?.start()).rejects.toBe(reason)
    expect(silent?.state).toBe('closed')
    expect(spoken?.state).toBe('closed')
    for (const connector of connectors) expect(connector.close).toHaveBeenCalledTimes(1)
  })

  test('rejects the start even when the connector never settles', async () => {
    const clock = fakeClock()
    const connector = handmade({ connect: () => new Promise(() => {}) })
    const transport = createTransport(connector, { clock, closeTimeoutMs: 100 })
    const reason = new Error('reset')
    const rejected = expect(transport.start()).rejects.toBe(reason)
    connector.sink.end(reason)
    expect(connector.signal.aborted).toBe(true)
    await clock.advance(100)

    await rejected
    expect(transport.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('prefers the error of the connector', async () => {
    const failure = new Error('certificate expired')
    const connector = handmade({
      connect: async (_channel, sink) => {
        sink.end()
        throw failure
      },
    })

    await expect(createTransport(connector).start()).rejects.toBe(failure)
  })

  test('does not replace an earlier abort', async () => {
    const reason = new Error('changed my mind')
    const controller = new AbortController()
    const connector = handmade({
      connect: (channel, sink, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            sink.end(new Error('torn down'))
            resolve(channel)
          })
        }),
    })
    const rejected = expect(createTransport(connector).start({ signal: controller.signal })).rejects.toBe(
      reason,
    )
    controller.abort(reason)

    await rejected
  })
})
