import { settled } from '@mcpwire/test-support/fake-clock'
import { InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { InMemoryTransport as InMemoryTransportV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { describe, expect, test, vi } from 'vitest'
import { createTransport, fromFactory, fromTransport } from '../src/authoring.js'
import { type JsonRpcMessage, memoryPair, type TransportLike, withLayers } from '../src/index.js'
import { deferred, handmade } from './support/channels.js'
import { foreign, logging } from './support/foreign-transport.js'
import { numbered } from './support/messages.js'

describe.each([
  ['v1', () => InMemoryTransportV1.createLinkedPair()],
  ['v2', () => InMemoryTransportV2.createLinkedPair()],
] as const)('the in-memory transport of SDK %s, through fromTransport', (_name, pair) => {
  test('carries messages in both directions', async () => {
    const [near, far] = pair()
    const transport = withLayers(near as TransportLike)
    const [nearReceived, farReceived]: JsonRpcMessage[][] = [[], []]
    transport.onmessage = (message) => nearReceived?.push(message)
    far.onmessage = (message: unknown) => void farReceived?.push(message as JsonRpcMessage)
    await Promise.all([transport.start(), far.start()])
    await transport.send(numbered(1))
    await far.send(numbered(2) as never)

    expect(nearReceived).toEqual([numbered(2)])
    expect(farReceived).toEqual([numbered(1)])
    expect(transport.peer).toMatchObject({ medium: 'other' })
  })

  test('delivers messages that arrived before the start', async () => {
    const [near, far] = pair()
    const transport = withLayers(near as TransportLike)
    const recorded: JsonRpcMessage[] = []
    transport.onmessage = (message) => recorded.push(message)
    await far.start()
    await far.send(numbered(1) as never)
    await transport.start()
    await settled()

    expect(recorded).toEqual([numbered(1)])
  })

  test('carries the authInfo of messages', async () => {
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

    expect(transport.state).toBe('closed')
    expect(farClosed).toHaveBeenCalledTimes(1)
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
    const recorded = sink()
    const channel = await fromTransport(transport).connect(recorded, neverAborted)
    await channel.close()
    await settled()

    expect(transport.state).toBe('closed')
    expect(recorded.end).not.toHaveBeenCalled()
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
    const transport = withLayers(inner, logging('', []))
    await transport.start()
    expect(transport.sessionId).toBeUndefined()
    expect(transport.hasPerRequestStream).toBe(false)
    Object.assign(inner, { sessionId: 's-1', hasPerRequestStream: true })
    transport.setProtocolVersion?.('1')
    transport.setSupportedProtocolVersions?.(['1'])

    expect(transport.sessionId).toBe('s-1')
    expect(transport.hasPerRequestStream).toBe(true)
    expect(setProtocolVersion.mock.calls).toEqual([['1']])
    expect(setSupportedProtocolVersions.mock.calls).toEqual([[['1']]])
  })

  test('forwards errors without an end', async () => {
    const inner = foreign()
    const transport = withLayers(inner)
    const onerror = vi.fn()
    transport.onerror = onerror
    await transport.start()
    const error = new Error('something')
    inner.onerror?.(error)

    expect(transport.state).toBe('open')
    expect(onerror.mock.calls).toEqual([[error]])
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
    expect(make).not.toHaveBeenCalled()
    expect(connector.connectsOnce).toBeUndefined()
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
