import { describe, expect, test, vi } from 'vitest'
import { createTransport } from '../src/authoring.js'
import {
  isTransportError,
  type JsonRpcMessage,
  type MessageContext,
  TransportError,
  type TransportErrorCode,
} from '../src/index.js'
import { deferred, foreignPromise, handmade, peer } from './support/channels.js'
import { fakeClock, settled } from './support/fake-clock.js'
import { numbered, numberOf } from './support/messages.js'

const code = (expected: TransportErrorCode): unknown => expect.objectContaining({ code: expected })

/** What a transport tells, in the order in which it tells it. */
function logged(transport: ReturnType<typeof createTransport>): string[] {
  const log: string[] = []
  transport.onmessage = (message) => log.push(`message ${numberOf(message)}`)
  transport.onerror = (error) => log.push(`error ${error.message}`)
  transport.onclose = () => log.push('close')
  return log
}

describe('the life of a transport', () => {
  test('passes through all states in order', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const states = [transport.state]

    const started = transport.start()
    states.push(transport.state)
    await started
    states.push(transport.state)
    const closed = transport.close()
    states.push(transport.state)
    await closed
    states.push(transport.state)

    expect(states).toEqual(['idle', 'starting', 'open', 'closing', 'closed'])
    expect([connector.connects, connector.close.mock.calls.length]).toEqual([1, 1])
  })

  test('rejects a second start() without a change', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const first = transport.start()

    await expect(transport.start()).rejects.toEqual(code('ALREADY_STARTED'))
    await first
    await expect(transport.start()).rejects.toEqual(code('ALREADY_STARTED'))
    expect([transport.state, connector.connects]).toEqual(['open', 1])
  })

  test('rejects a start() during or after the close with CLOSED and its cause', async () => {
    const gate = deferred()
    const transport = createTransport(handmade({ close: () => gate.promise }))
    const reason = new Error('enough')
    await transport.start()
    const closing = transport.close({ reason })

    await expect(transport.start()).rejects.toEqual(code('CLOSED'))
    gate.resolve()
    await closing

    await expect(transport.start()).rejects.toMatchObject({ code: 'CLOSED', cause: reason })
  })

  test('does not connect before start()', () => {
    const connector = handmade()
    createTransport(connector)

    expect(connector.connects).toBe(0)
  })

  test('rejects an invalid option synchronously', () => {
    for (const closeTimeoutMs of [-1, Number.NaN, '1' as unknown as number]) {
      expect(() => createTransport(handmade(), { closeTimeoutMs })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      )
    }
  })

  test('closes an idle transport with one onclose and no connect', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const log = logged(transport)
    await Promise.all([transport.close(), transport.close()])

    expect([transport.state, log, connector.connects]).toEqual(['closed', ['close'], 0])
    await expect(transport.closed).resolves.toBeUndefined()
  })

  test('closes on dispose', async () => {
    const transport = createTransport(handmade())
    await transport.start()
    await transport[Symbol.asyncDispose]()

    expect(transport.state).toBe('closed')
  })

  test('stays extensible: SDK v2 replaces start on the instance', async () => {
    const transport = createTransport(handmade())
    const original = transport.start.bind(transport)
    transport.start = vi.fn(async () => await original())
    await transport.start()

    expect(transport.state).toBe('open')
    await transport.close()
  })
})

describe('a failed start()', () => {
  test('rejects with the error of the connector after calling onerror and onclose', async () => {
    const failure = new Error('refused')
    const transport = createTransport(handmade({ connect: () => Promise.reject(failure) }))
    const log = logged(transport)

    await expect(transport.start()).rejects.toBe(failure)
    expect([transport.state, log]).toEqual(['closed', ['error refused', 'close']])
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
    expect([transport.state, onclose.mock.calls.length]).toEqual(['closed', 1])
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
    expect([connector.connects, log.at(-1), transport.state]).toEqual([0, 'close', 'closed'])
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
    expect([connector.signal.reason, clock.pending]).toEqual([reason, 0])
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
    expect([transport.state, clock.pending]).toEqual(['closed', 0])
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

    expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([2, 2])
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

    expect([transport.state, log]).toEqual(['closed', ['close']])
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
    expect([transport.state, onclose.mock.calls.length]).toEqual(['closing', 0])
    await clock.advance(1)

    expect([transport.state, onclose.mock.calls.length, clock.pending]).toEqual(['closed', 1, 0])
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
    expect([silent?.state, spoken?.state]).toEqual(['closed', 'closed'])
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
    expect([transport.state, clock.pending]).toEqual(['closed', 0])
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

describe('messages', () => {
  test('are delivered in order after start() when they arrive before it', async () => {
    const connector = handmade({
      connect: async (channel, sink) => {
        sink.message(numbered(1))
        sink.message(numbered(2))
        return channel
      },
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    const started = transport.start()
    expect(log).toEqual([])
    await started
    connector.sink.message(numbered(3))
    await settled()

    expect(log).toEqual(['message 1', 'message 2', 'message 3'])
  })

  test('are delivered in order after send() when they arrive inside it', async () => {
    const connector = handmade({
      send: async () => {
        connector.sink.message(numbered(1))
      },
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    await transport.start()
    void transport.send(numbered(0))
    connector.sink.message(numbered(2))
    expect(log).toEqual([])
    await settled()

    expect(log).toEqual(['message 1', 'message 2'])
  })

  test('are never delivered inside the send() of a handler', async () => {
    const depth = { now: 0, seen: [] as number[] }
    const connector = handmade({
      send: async () => {
        connector.sink.message(numbered(2))
      },
    })
    const transport = createTransport(connector)
    transport.onmessage = (message) => {
      depth.seen.push(depth.now)
      if (numberOf(message) !== 1) return
      depth.now++
      void transport.send(numbered(0))
      depth.now--
    }
    await transport.start()
    connector.sink.message(numbered(1))
    await settled()

    expect(depth.seen).toEqual([0, 0])
  })

  test('have their context with all its members', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const context = { custom: 1 } as MessageContext
    const onmessage = vi.fn()
    transport.onmessage = onmessage
    await transport.start()
    connector.sink.message(numbered(1), context)

    expect(onmessage.mock.calls[0]?.[1]).toBe(context)
  })

  test('are each delivered once when very many arrive before the start', async () => {
    const connector = handmade({
      connect: async (channel, sink) => {
        for (let n = 0; n < 100_000; n++) sink.message(numbered(n))
        return channel
      },
    })
    const transport = createTransport(connector)
    const onmessage = vi.fn()
    transport.onmessage = onmessage
    await transport.start()
    await settled()

    expect(onmessage).toHaveBeenCalledTimes(100_000)
  })

  test('are not delivered after the end', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const log = logged(transport)
    await transport.start()
    connector.sink.end()
    connector.sink.message(numbered(1))
    connector.sink.error(new Error('late'))
    connector.sink.end(new Error('again'))
    await settled()

    expect(log).toEqual(['close'])
  })

  test('are not delivered during the close', async () => {
    const connector = handmade({
      close: async () => {
        connector.sink.message(numbered(1))
        connector.sink.end(new Error('not to be called here'))
      },
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    await transport.start()
    await transport.close()

    expect(log).toEqual(['close'])
    await expect(transport.closed).resolves.toBeUndefined()
  })

  test('are not delivered after close() within a handler', async () => {
    const connector = handmade({
      connect: async (channel, sink) => {
        for (const n of [1, 2, 3]) sink.message(numbered(n))
        return channel
      },
    })
    const transport = createTransport(connector)
    const heard: JsonRpcMessage[] = []
    transport.onmessage = (message) => {
      heard.push(message)
      void transport.close()
    }
    await transport.start()
    await transport.closed

    expect(heard).toEqual([numbered(1)])
  })
})

describe('the end of input', () => {
  test('comes after all messages that arrived before it', async () => {
    const connector = handmade({
      send: async () => {
        connector.sink.message(numbered(1))
        connector.sink.message(numbered(2))
        connector.sink.end()
        connector.sink.message(numbered(3))
      },
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    await transport.start()
    await transport.send(numbered(0)).catch(() => {})
    await transport.closed

    expect(log).toEqual(['message 1', 'message 2', 'close'])
  })

  test('inside send() calls onclose after it', async () => {
    const connector = handmade({
      send: () => {
        connector.sink.end(new Error('reset'))
        return new Promise(() => {})
      },
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    await transport.start()
    const rejected = expect(transport.send(numbered(0))).rejects.toEqual(code('CLOSED'))
    expect(log).toEqual([])
    await rejected

    expect(log).toEqual(['error reset', 'close'])
  })

  test('settles closed with the reason and calls onerror before onclose', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const log = logged(transport)
    const reason = new TransportError('PEER_LOST', 'reset', { address: 'a' })
    await transport.start()
    connector.sink.end(reason)

    expect([transport.state, log]).toEqual(['closed', ['error reset', 'close']])
    await expect(transport.closed).resolves.toBe(reason)
    expect(connector.close).not.toHaveBeenCalled()
  })

  test('accepts a call of close() without effect', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const onclose = vi.fn(() => void transport.close())
    transport.onclose = onclose
    await transport.start()
    connector.sink.end()
    await transport.close()

    expect([onclose.mock.calls.length, connector.close.mock.calls.length]).toEqual([1, 0])
  })

  test('passes the reason of close() to the channel, closed, onerror and later sends', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const log = logged(transport)
    const reason = new Error('enough')
    await transport.start()
    await Promise.all([transport.close({ reason }), transport.close({ reason: new Error('too late') })])

    expect(connector.close.mock.calls).toEqual([[reason]])
    expect(log).toEqual(['error enough', 'close'])
    await expect(transport.closed).resolves.toBe(reason)
    await expect(transport.send(numbered(0))).rejects.toMatchObject({ code: 'CLOSED', cause: reason })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('comes and is reported when the channel %s on close', async (_name, close) => {
    const transport = createTransport(handmade({ close }))
    const log = logged(transport)
    await transport.start()
    await transport.close()

    expect(log).toEqual(['error broken', 'close'])
    await expect(transport.closed).resolves.toBeUndefined()
  })

  test('comes after closeTimeoutMs when the channel hangs on close', async () => {
    const clock = fakeClock()
    const hanging = deferred()
    const transport = createTransport(handmade({ close: () => hanging.promise }), {
      clock,
      closeTimeoutMs: 100,
    })
    const log = logged(transport)
    await transport.start()
    const closed = transport.close()
    await clock.advance(99)
    expect(transport.state).toBe('closing')
    await clock.advance(1)
    await closed
    hanging.reject(new Error('much later'))
    await settled()

    expect(log).toEqual([
      expect.stringMatching(/test:\/\/peer was not released within closeTimeoutMs/),
      'close',
    ])
    expect(clock.pending).toBe(0)
  })

  test('waits for the channel without limit when closeTimeoutMs is Infinity', async () => {
    const clock = fakeClock()
    const hanging = deferred()
    const transport = createTransport(handmade({ close: () => hanging.promise }), {
      clock,
      closeTimeoutMs: Infinity,
    })
    await transport.start()
    const closed = transport.close()
    await clock.advance(1e9)
    expect(transport.state).toBe('closing')
    hanging.resolve()
    await closed

    expect(transport.state).toBe('closed')
  })

  test('keeps the peer', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    expect(transport.peer).toBeUndefined()
    await transport.start()
    connector.sink.end()

    expect(transport.peer).toEqual(peer)
  })
})

describe('send()', () => {
  test('passes message and options to the channel unchanged', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const [message, options] = [numbered(1), { custom: 1, relatedRequestId: 0 }]
    await transport.start()
    await transport.send(message, options)

    expect(connector.sent[0]?.message).toBe(message)
    expect(connector.sent[0]?.options).toBe(options)
  })

  test('rejects with NOT_STARTED before the start and with CLOSED after the end', async () => {
    const transport = createTransport(handmade())
    await expect(transport.send(numbered(0))).rejects.toEqual(code('NOT_STARTED'))
    const started = transport.start()
    await expect(transport.send(numbered(0))).rejects.toEqual(code('NOT_STARTED'))
    await started
    const closed = transport.close()
    await expect(transport.send(numbered(0))).rejects.toEqual(code('CLOSED'))
    await closed

    await expect(transport.send(numbered(0))).rejects.toEqual(code('CLOSED'))
  })

  test('settles as the channel does', async () => {
    const failure = new Error('full')
    const answers = [Promise.resolve(), Promise.reject(failure), Promise.resolve()]
    const transport = createTransport(handmade({ send: () => answers.shift() as Promise<void> }))
    await transport.start()

    await expect(transport.send(numbered(0))).resolves.toBeUndefined()
    await expect(transport.send(numbered(0))).rejects.toBe(failure)
    await expect(transport.send(numbered(0))).resolves.toBeUndefined()
  })

  test('rejects when the channel throws, without affecting the next one', async () => {
    const failure = new Error('no JSON text')
    const send = vi.fn(async () => {})
    send.mockImplementationOnce(() => {
      throw failure
    })
    const transport = createTransport(handmade({ send }))
    await transport.start()

    await expect(transport.send(numbered(0))).rejects.toBe(failure)
    await expect(transport.send(numbered(0))).resolves.toBeUndefined()
  })

  test.each([
    ['nothing at all', () => undefined as never],
    ['a promise of another library', () => foreignPromise<void>((resolve) => resolve())],
  ])('resolves when the channel returns %s', async (_name, send) => {
    const transport = createTransport(handmade({ send }))
    await transport.start()

    await expect(
      Promise.all([transport.send(numbered(0)), transport.send(numbered(1))]),
    ).resolves.toHaveLength(2)
  })

  test('settles each call that shares one promise of the channel', async () => {
    const drained = [deferred(), deferred()]
    const send = vi.fn(() => drained[0]?.promise as Promise<void>)
    const transport = createTransport(handmade({ send }))
    await transport.start()
    const first = [transport.send(numbered(0)), transport.send(numbered(1))]
    expect(first[0]).toBe(first[1])
    drained[0]?.resolve()
    await Promise.all(first)
    send.mockImplementation(() => drained[1]?.promise as Promise<void>)
    const second = [transport.send(numbered(2)), transport.send(numbered(3))]
    drained[1]?.reject(new Error('reset'))

    const outcomes = await Promise.allSettled(second)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  test('rejects a pending call with CLOSED and its cause at the end', async () => {
    const shared = new Promise<void>(() => {})
    const answers = [shared, shared, new Promise<void>(() => {})]
    const connector = handmade({ send: () => answers.shift() as Promise<void> })
    const transport = createTransport(connector)
    const reason = new Error('reset')
    await transport.start()
    const sends = [0, 1, 2].map((n) => transport.send(numbered(n)))
    connector.sink.end(reason)

    for (const send of sends) await expect(send).rejects.toMatchObject({ code: 'CLOSED', cause: reason })
  })

  test('rejects a pending call after close() when the channel is released', async () => {
    const transport = createTransport(handmade({ send: () => new Promise(() => {}) }))
    await transport.start()
    const rejected = expect(transport.send(numbered(0))).rejects.toEqual(code('CLOSED'))
    await transport.close()

    await rejected
  })

  test('keeps the result of an accepted call after the end', async () => {
    const taken = deferred()
    const connector = handmade({ send: () => taken.promise })
    const transport = createTransport(connector)
    await transport.start()
    const send = transport.send(numbered(0))
    taken.resolve()
    await send
    connector.sink.end(new Error('reset'))

    await expect(send).resolves.toBeUndefined()
  })
})

describe('the callbacks of a transport', () => {
  const failures: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('my bug')
      },
    ],
    [
      'throws a value without text',
      () => {
        throw Object.create(null)
      },
    ],
    ['rejects', () => Promise.reject(new Error('my bug'))],
    [
      'gives a promise of another library that rejects',
      () => foreignPromise((_, reject) => reject(new Error('my bug'))),
    ],
  ]

  test.each(failures)('report an onmessage that %s and continue', async (_name, fail) => {
    const connector = handmade()
    const transport = createTransport(connector)
    const [onmessage, onerror] = [vi.fn(fail), vi.fn()]
    transport.onmessage = onmessage as never
    transport.onerror = onerror
    await transport.start()
    connector.sink.message(numbered(1))
    connector.sink.message(numbered(2))
    await settled()

    expect(onmessage).toHaveBeenCalledTimes(2)
    expect(onerror).toHaveBeenCalledTimes(2)
    const [error] = onerror.mock.calls[0] as [Error]
    expect(isTransportError(error, 'CALLBACK_FAILED') && error.details.slot).toBe('onmessage')
    expect(transport.state).toBe('open')
  })

  test('report an onclose that throws and complete the end', async () => {
    const transport = createTransport(handmade())
    const onerror = vi.fn()
    transport.onerror = onerror
    transport.onclose = () => {
      throw new Error('my bug')
    }
    await transport.start()
    await transport.close()

    expect(onerror).toHaveBeenCalledTimes(1)
    expect(onerror.mock.calls[0]?.[0]).toMatchObject({
      code: 'CALLBACK_FAILED',
      details: { slot: 'onclose' },
    })
  })

  test('ignore an onerror that throws', async () => {
    const connector = handmade({ close: () => Promise.reject(new Error('broken')) })
    const transport = createTransport(connector)
    const onclose = vi.fn()
    transport.onclose = onclose
    transport.onerror = () => {
      throw new Error('my bug')
    }
    await transport.start()
    connector.sink.error(new Error('something'))
    await transport.close({ reason: new Error('enough') })

    expect(onclose).toHaveBeenCalledTimes(1)
  })

  test('are optional', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    await transport.start()
    connector.sink.message(numbered(1))
    connector.sink.error(new Error('something'))
    connector.sink.end(new Error('reset'))

    await expect(transport.closed).resolves.toMatchObject({ message: 'reset' })
  })

  test('receive errors of the channel during the start and while open', async () => {
    const connector = handmade({
      connect: async (channel, sink) => {
        sink.error(new Error('early'))
        return channel
      },
    })
    const transport = createTransport(connector)
    const log = logged(transport)
    await transport.start()
    connector.sink.error(new Error('later'))

    expect(log).toEqual(['error early', 'error later'])
    expect(transport.state).toBe('open')
  })
})

describe('the HTTP members of a transport', () => {
  const traits = () => ({
    sessionId: undefined as string | undefined,
    hasPerRequestStream: false,
    setProtocolVersion: vi.fn(),
    setSupportedProtocolVersions: vi.fn(),
  })

  test('are read from the channel for each use', async () => {
    const http = traits()
    const transport = createTransport(handmade({ http }))
    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual([undefined, false])
    await transport.start()
    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual([undefined, false])
    http.sessionId = 's-1'
    http.hasPerRequestStream = true

    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual(['s-1', true])
  })

  test('pass the version to the channel', async () => {
    const http = traits()
    const transport = createTransport(handmade({ http }))
    await transport.start()
    transport.setProtocolVersion?.('2025-06-18')
    transport.setSupportedProtocolVersions?.(['2025-06-18'])

    expect(http.setProtocolVersion.mock.calls).toEqual([['2025-06-18']])
    expect(http.setSupportedProtocolVersions.mock.calls).toEqual([[['2025-06-18']]])
  })

  test('pass versions that were set before the start: SDK v2 does that', async () => {
    const http = traits()
    const transport = createTransport(handmade({ http }))
    transport.setSupportedProtocolVersions?.(['2026-07-28'])
    transport.setProtocolVersion?.('2026-07-28')
    await transport.start()

    expect(http.setSupportedProtocolVersions.mock.calls).toEqual([[['2026-07-28']]])
    expect(http.setProtocolVersion.mock.calls).toEqual([['2026-07-28']])
  })

  test('are absent without HTTP', async () => {
    const transport = createTransport(handmade())
    transport.setProtocolVersion?.('2025-06-18')
    await transport.start()
    transport.setSupportedProtocolVersions?.([])

    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual([undefined, false])
  })
})

describe('the process members of a transport', () => {
  test('are live where there is a process', async () => {
    const process = { stderr: 'the stream', pid: null as number | null }
    const transport = createTransport({ connect: handmade().connect, process })
    process.pid = 7

    expect('stderr' in transport && 'pid' in transport).toBe(true)
    expect(transport).toMatchObject({ stderr: 'the stream', pid: 7 })
  })

  test('are absent without a process', () => {
    const transport = createTransport(handmade())

    expect(['stderr' in transport, 'pid' in transport]).toEqual([false, false])
  })
})
