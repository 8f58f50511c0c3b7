import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import { createTransport } from '../src/authoring.js'
import type { JsonRpcMessage, MessageContext } from '../src/index.js'
import { deferred, foreignPromise, handmade } from './support/channels.js'
import { numbered, numberOf } from './support/messages.js'
import { code, logged } from './support/transports.js'

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
    const recorded: JsonRpcMessage[] = []
    transport.onmessage = (message) => {
      recorded.push(message)
      void transport.close()
    }
    await transport.start()
    await transport.closed

    expect(recorded).toEqual([numbered(1)])
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
