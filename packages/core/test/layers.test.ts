import { InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { InMemoryTransport as InMemoryTransportV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { describe, expect, test, vi } from 'vitest'
import { type Connector, createTransport, fromFactory, fromTransport } from '../src/authoring.js'
import {
  type JsonRpcMessage,
  type Layer,
  type MessageContext,
  memoryPair,
  type SendOptions,
  type TransportLike,
  withLayers,
} from '../src/index.js'
import { deferred, handmade } from './support/channels.js'
import { fakeClock, settled } from './support/fake-clock.js'
import { numbered } from './support/messages.js'

/** Notes what passes, in both directions, and lets everything through. */
function noting(name: string, log: string[]): Layer {
  return (next) => ({
    async connect(sink, signal) {
      log.push(`${name} connects`)
      const channel = await next.connect(
        {
          ...sink,
          message(message, context) {
            log.push(`${name} receives`)
            sink.message(message, context)
          },
        },
        signal,
      )
      return {
        ...channel,
        send(message, options) {
          log.push(`${name} sends`)
          return channel.send(message, options)
        },
      }
    },
  })
}

/** A transport of somebody else, whose every step is in the hands of the test. */
function foreign(parts: Partial<TransportLike> & Record<string, unknown> = {}): TransportLike {
  return { start: async () => {}, send: async () => {}, close: async () => {}, ...parts }
}

describe('withLayers', () => {
  test('passes outgoing messages through the first layer first and incoming ones last', async () => {
    const log: string[] = []
    const connector = handmade()
    const transport = withLayers(connector, noting('outer', log), noting('inner', log))
    await transport.start()
    await transport.send(numbered(1))
    connector.sink.message(numbered(2))

    expect(log).toEqual([
      'outer connects',
      'inner connects',
      'outer sends',
      'inner sends',
      'inner receives',
      'outer receives',
    ])
  })

  test('works without layers', async () => {
    const connector = handmade()
    const transport = withLayers(connector)
    await transport.start()

    expect(connector.connects).toBe(1)
  })

  test('uses the connector and the settings of an idle transport', async () => {
    const clock = fakeClock()
    const connector = handmade({ close: () => new Promise(() => {}) })
    const transport = withLayers(createTransport(connector, { clock, closeTimeoutMs: 50 }), noting('', []))
    await transport.start()
    const closed = transport.close()
    await clock.advance(50)
    await closed

    expect(connector.connects).toBe(1)
  })

  test('adds layers around existing layers', async () => {
    const log: string[] = []
    const transport = withLayers(withLayers(handmade(), noting('inner', log)), noting('outer', log))
    await transport.start()

    expect(log).toEqual(['outer connects', 'inner connects'])
  })

  test('rejects a transport that was started or closed before', async () => {
    const started = createTransport(handmade())
    const closed = createTransport(handmade())
    await Promise.all([started.start(), closed.close()])

    for (const transport of [started, closed]) {
      expect(() => withLayers(transport)).toThrow(
        expect.objectContaining({
          code: 'INVALID_OPTION',
          details: expect.objectContaining({ option: 'transport' }),
        }),
      )
      expect(() => fromTransport(transport)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
  })

  test('accepts a foreign transport with a member named state', async () => {
    const transport = withLayers(foreign({ state: 'ready', closed: false }))
    const onclose = vi.fn()
    transport.onclose = onclose
    await transport.start()
    await transport.close()

    expect(onclose).toHaveBeenCalledTimes(1)
  })

  test('keeps the members of a connector that its layers leave out', async () => {
    const seen: Connector[] = []
    const watching: Layer = (next) => {
      seen.push(next)
      return next
    }
    const process = { stderr: null, pid: 7 }
    const inner: Connector = { connect: handmade().connect, connectsOnce: true, process }
    const transport = withLayers(inner, watching, noting('', []), watching)

    expect(seen.map(({ connectsOnce }) => connectsOnce)).toEqual([true, true])
    expect(transport).toMatchObject(process)
  })

  test('prefers the members of a layer', async () => {
    const seen: Connector[] = []
    const again: Layer = (next) => ({
      connect: next.connect,
      connectsOnce: false,
      process: { stderr: null, pid: 8 },
    })
    const transport = withLayers(
      { connect: handmade().connect, connectsOnce: true, process: { stderr: null, pid: 7 } },
      (next) => {
        seen.push(next)
        return next
      },
      again,
    )

    expect(seen[0]?.connectsOnce).toBe(false)
    expect(transport).toMatchObject({ pid: 8 })
  })

  test('ends the conversation when a layer throws', async () => {
    const connector = handmade()
    const failing: Layer = (next) => ({
      connect: (sink, signal) =>
        next.connect(
          {
            ...sink,
            message: () => {
              throw new Error('a bug')
            },
          },
          signal,
        ),
    })
    const errors: Error[] = []
    const transport = withLayers(connector, noting('outer', []), failing)
    transport.onerror = (error) => errors.push(error)
    await transport.start()
    connector.sink.message(numbered(1))
    connector.sink.message(numbered(2))

    const reason = await transport.closed
    expect(reason).toMatchObject({ code: 'CALLBACK_FAILED', message: 'a layer failed: a bug' })
    expect(errors).toEqual([reason])
    expect(connector.close).toHaveBeenCalledTimes(1)
  })

  test('accepts connectors that are class instances', async () => {
    class CountingConnector implements Connector {
      readonly process = { stderr: null, pid: 1 }
      #connects = 0
      readonly #inner = handmade()
      get connects(): number {
        return this.#connects
      }
      connect(...given: Parameters<Connector['connect']>): ReturnType<Connector['connect']> {
        this.#connects++
        return this.#inner.connect(...given)
      }
    }
    const [bare, made] = [new CountingConnector(), new CountingConnector()]
    await withLayers(bare).start()
    await withLayers(handmade(), () => made).start()

    expect([bare.connects, made.connects]).toEqual([1, 1])
  })

  test('passes options and contexts unchanged, unknown members included', async () => {
    const connector = handmade()
    const transport = withLayers(connector, noting('', []))
    const contexts: unknown[] = []
    transport.onmessage = (_message, context) => contexts.push(context)
    const options = { custom: 1 } as SendOptions
    const context = { custom: 2 } as MessageContext
    await transport.start()
    await transport.send(numbered(1), options)
    connector.sink.message(numbered(2), context)

    expect(connector.sent[0]?.options).toBe(options)
    expect(contexts[0]).toBe(context)
  })
})

describe('stderr and pid', () => {
  test('pass through layers as live members', () => {
    const stdio = foreign({ stderr: 'the stream', pid: null as number | null })
    const transport = withLayers(stdio, noting('', []))
    Object.assign(stdio, { pid: 7 })

    expect(transport).toMatchObject({ stderr: 'the stream', pid: 7 })
  })

  test('pass through layers around an idle transport', () => {
    const ours = withLayers(foreign({ stderr: null, pid: 7 }))

    expect('stderr' in withLayers(ours, noting('', []))).toBe(true)
  })

  test('are absent without a process', () => {
    const [a] = memoryPair()
    for (const transport of [
      a,
      withLayers(a, noting('', [])),
      withLayers(foreign()),
      withLayers(foreign({ pid: 1 })),
    ]) {
      expect(['stderr' in transport, 'pid' in transport]).not.toEqual([true, true])
    }
    expect('stderr' in withLayers(a)).toBe(false)
  })
})

describe.each([
  ['v1', () => InMemoryTransportV1.createLinkedPair()],
  ['v2', () => InMemoryTransportV2.createLinkedPair()],
] as const)('the in-memory transport of SDK %s, through fromTransport', (_name, pair) => {
  test('carries messages in both directions', async () => {
    const [near, far] = pair()
    const transport = withLayers(near as TransportLike)
    const [nearHeard, farHeard]: JsonRpcMessage[][] = [[], []]
    transport.onmessage = (message) => nearHeard?.push(message)
    far.onmessage = (message: unknown) => void farHeard?.push(message as JsonRpcMessage)
    await Promise.all([transport.start(), far.start()])
    await transport.send(numbered(1))
    await far.send(numbered(2) as never)

    expect([nearHeard, farHeard]).toEqual([[numbered(2)], [numbered(1)]])
    expect(transport.peer).toMatchObject({ medium: 'other' })
  })

  test('delivers messages that arrived before the start', async () => {
    const [near, far] = pair()
    const transport = withLayers(near as TransportLike)
    const heard: JsonRpcMessage[] = []
    transport.onmessage = (message) => heard.push(message)
    await far.start()
    await far.send(numbered(1) as never)
    await transport.start()
    await settled()

    expect(heard).toEqual([numbered(1)])
  })

  test('carries authInfo', async () => {
    const [near, far] = pair()
    const transport = withLayers(far as TransportLike)
    const authInfo = { token: 't', clientId: 'c', scopes: [] }
    const contexts: unknown[] = []
    transport.onmessage = (_message, context) => contexts.push(context)
    await Promise.all([near.start(), transport.start()])
    await near.send(numbered(1) as never, { authInfo })

    expect(contexts).toEqual([{ authInfo }])
  })

  test('ends both ends when either closes', async () => {
    const [near, far] = pair()
    const transport = withLayers(near as TransportLike)
    const onclose = vi.fn()
    transport.onclose = onclose
    await Promise.all([transport.start(), far.start()])
    await far.close()
    await expect(transport.closed).resolves.toBeUndefined()

    expect(onclose).toHaveBeenCalledTimes(1)
    await expect(transport.send(numbered(1))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('closes the inner transport', async () => {
    const [near, far] = pair()
    const transport = withLayers(near as TransportLike)
    const farClosed = vi.fn()
    far.onclose = farClosed
    await Promise.all([transport.start(), far.start()])
    await transport.close()

    expect([transport.state, farClosed.mock.calls.length]).toEqual(['closed', 1])
  })
})

describe('fromTransport', () => {
  const neverAborted = new AbortController().signal
  const sink = () => ({ message: vi.fn(), error: vi.fn(), end: vi.fn() })

  test('connects once and rejects a second connect with a hint', async () => {
    const connector = fromTransport(foreign())
    await connector.connect(sink(), neverAborted)

    expect(connector.connectsOnce).toBe(true)
    await expect(connector.connect(sink(), neverAborted)).rejects.toMatchObject({
      code: 'ALREADY_STARTED',
      message: expect.stringContaining('fromFactory'),
    })
  })

  test('does not report a requested end to the sink', async () => {
    const [transport] = memoryPair()
    const heard = sink()
    const channel = await fromTransport(transport).connect(heard, neverAborted)
    await channel.close()
    await settled()

    expect([transport.state, heard.end.mock.calls.length]).toEqual(['closed', 0])
  })

  test('rejects with the error of start()', async () => {
    const failure = new Error('refused')

    await expect(withLayers(foreign({ start: () => Promise.reject(failure) })).start()).rejects.toBe(failure)
  })

  test('rejects when start() throws and leaves no abort listener', async () => {
    const failure = new Error('refused')
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const throwing = foreign({
      start: () => {
        throw failure
      },
    })

    await expect(fromTransport(throwing).connect(sink(), signal)).rejects.toBe(failure)
    expect(removed).toHaveBeenCalledTimes(1)
  })

  test('rejects with the reported error when the transport closes during start()', async () => {
    const failure = new Error('ENOENT')
    const transport = foreign({
      start: () => {
        transport.onerror?.(failure)
        transport.onclose?.()
        return new Promise(() => {})
      },
    })

    await expect(withLayers(transport).start()).rejects.toBe(failure)
  })

  test('rejects with CONNECT_FAILED when the transport closes without an error', async () => {
    const transport = foreign({
      start: async () => {
        transport.onclose?.()
        await new Promise(() => {})
      },
    })

    await expect(withLayers(transport).start()).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
  })

  test('does not start for an aborted signal', async () => {
    const start = vi.fn(async () => {})
    const reason = new Error('no')

    await expect(fromTransport(foreign({ start })).connect(sink(), AbortSignal.abort(reason))).rejects.toBe(
      reason,
    )
    expect(start).not.toHaveBeenCalled()
  })

  test('closes the transport on an abort, and again when it opens afterwards', async () => {
    const started = deferred()
    const close = vi.fn(async () => {})
    const controller = new AbortController()
    const reason = new Error('no')
    const transport = withLayers(foreign({ start: () => started.promise, close }))
    const rejected = expect(transport.start({ signal: controller.signal })).rejects.toBe(reason)
    controller.abort(reason)
    await rejected
    expect(close).toHaveBeenCalledTimes(1)
    started.resolve()
    await settled()

    expect(close).toHaveBeenCalledTimes(2)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('rejects with the reason of an abort when close() %s', async (_name, close) => {
    const controller = new AbortController()
    const reason = new Error('no')
    const transport = withLayers(foreign({ start: () => new Promise(() => {}), close }))
    const rejected = expect(transport.start({ signal: controller.signal })).rejects.toBe(reason)
    controller.abort(reason)

    await rejected
  })

  test('forwards the HTTP members as live members', async () => {
    const [setProtocolVersion, setSupportedProtocolVersions] = [vi.fn(), vi.fn()]
    const inner = foreign({ setProtocolVersion, setSupportedProtocolVersions })
    const transport = withLayers(inner, noting('', []))
    await transport.start()
    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual([undefined, false])
    Object.assign(inner, { sessionId: 's-1', hasPerRequestStream: true })
    transport.setProtocolVersion?.('1')
    transport.setSupportedProtocolVersions?.(['1'])

    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual(['s-1', true])
    expect([setProtocolVersion.mock.calls, setSupportedProtocolVersions.mock.calls]).toEqual([
      [['1']],
      [[['1']]],
    ])
  })

  test('forwards errors without an end', async () => {
    const inner = foreign()
    const transport = withLayers(inner)
    const onerror = vi.fn()
    transport.onerror = onerror
    await transport.start()
    const error = new Error('something')
    inner.onerror?.(error)

    expect([transport.state, onerror.mock.calls]).toEqual(['open', [[error]]])
  })

  test('forwards the reason of the end and the peer', async () => {
    const connector = handmade()
    const reason = new Error('reset')
    const transport = createTransport(fromTransport(createTransport(connector)))
    await transport.start()
    expect(transport.peer).toEqual({ medium: 'test', address: 'test://peer' })
    connector.sink.end(reason)

    await expect(transport.closed).resolves.toBe(reason)
  })

  test('forwards the flow', async () => {
    const [near, far] = memoryPair()
    const transport = createTransport(fromTransport(near))
    await Promise.all([transport.start(), far.start()])

    expect(transport.flow).toBe(near.flow)
    expect(transport.flow).toBeDefined()
  })
})

describe('fromFactory', () => {
  test('makes a new transport for each connection and none before', async () => {
    const make = vi.fn(() => foreign())
    const connector = fromFactory(make)
    expect([make.mock.calls.length, connector.connectsOnce]).toEqual([0, undefined])
    const sink = { message: vi.fn(), error: vi.fn(), end: vi.fn() }
    await connector.connect(sink, new AbortController().signal)
    await connector.connect(sink, new AbortController().signal)

    expect(make).toHaveBeenCalledTimes(2)
  })

  test('uses the connector of an idle transport', async () => {
    const connector = handmade()
    await withLayers(fromFactory(() => createTransport(connector))).start()

    expect(connector.connects).toBe(1)
  })

  test('rejects the start when the function throws', async () => {
    const failure = new Error('no such command')
    const failing = fromFactory(() => {
      throw failure
    })

    await expect(withLayers(failing).start()).rejects.toBe(failure)
  })
})
