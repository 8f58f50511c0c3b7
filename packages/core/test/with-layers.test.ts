import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import { type Connector, createTransport, fromTransport } from '../src/authoring.js'
import { type Layer, type MessageContext, memoryPair, type SendOptions, withLayers } from '../src/index.js'
import { handmade } from './support/channels.js'
import { foreign, logging } from './support/foreign-transport.js'
import { numbered } from './support/messages.js'

describe('withLayers', () => {
  test('passes outgoing messages through the first layer first and incoming ones last', async () => {
    const log: string[] = []
    const connector = handmade()
    const transport = withLayers(connector, logging('outer', log), logging('inner', log))
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
    const transport = withLayers(createTransport(connector, { clock, closeTimeoutMs: 50 }), logging('', []))
    await transport.start()
    const closed = transport.close()
    await clock.advance(50)
    await closed

    expect(connector.connects).toBe(1)
  })

  test('adds layers around existing layers', async () => {
    const log: string[] = []
    const transport = withLayers(withLayers(handmade(), logging('inner', log)), logging('outer', log))
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
    const transport = withLayers(inner, watching, logging('', []), watching)

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
    const transport = withLayers(connector, logging('outer', []), failing)
    transport.onerror = (error) => errors.push(error)
    await transport.start()
    connector.sink.message(numbered(1))
    connector.sink.message(numbered(2))

    const reason = await transport.closed
    expect(reason).toMatchObject({ code: 'CALLBACK_FAILED', details: { slot: 'layers' } })
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

    expect(bare.connects).toBe(1)
    expect(made.connects).toBe(1)
  })

  test('passes options and contexts unchanged, unknown members included', async () => {
    const connector = handmade()
    const transport = withLayers(connector, logging('', []))
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
    const transport = withLayers(stdio, logging('', []))
    Object.assign(stdio, { pid: 7 })

    expect(transport).toMatchObject({ stderr: 'the stream', pid: 7 })
  })

  test('pass through layers around an idle transport', () => {
    const ours = withLayers(foreign({ stderr: null, pid: 7 }))

    expect('stderr' in withLayers(ours, logging('', []))).toBe(true)
  })

  test('are absent without a process', () => {
    const [a] = memoryPair()
    for (const transport of [
      a,
      withLayers(a, logging('', [])),
      withLayers(foreign()),
      withLayers(foreign({ pid: 1 })),
    ]) {
      expect(['stderr' in transport, 'pid' in transport]).not.toEqual([true, true])
    }
    expect('stderr' in withLayers(a)).toBe(false)
  })
})
