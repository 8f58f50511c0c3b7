import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import { createTransport } from '../src/authoring.js'
import { isTransportError } from '../src/index.js'
import { deferred, foreignPromise, handmade } from './support/channels.js'
import { numbered } from './support/messages.js'
import { code, logged } from './support/transports.js'

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
    expect(connector.connects).toBe(1)
    expect(connector.close).toHaveBeenCalledTimes(1)
  })

  test('rejects a second start() without a change', async () => {
    const connector = handmade()
    const transport = createTransport(connector)
    const first = transport.start()

    await expect(transport.start()).rejects.toEqual(code('ALREADY_STARTED'))
    await first
    await expect(transport.start()).rejects.toEqual(code('ALREADY_STARTED'))
    expect(transport.state).toBe('open')
    expect(connector.connects).toBe(1)
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

    expect(transport.state).toBe('closed')
    expect(log).toEqual(['close'])
    expect(connector.connects).toBe(0)
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
    expect(transport.sessionId).toBeUndefined()
    expect(transport.hasPerRequestStream).toBe(false)
    await transport.start()
    expect(transport.sessionId).toBeUndefined()
    expect(transport.hasPerRequestStream).toBe(false)
    http.sessionId = 's-1'
    http.hasPerRequestStream = true

    expect(transport.sessionId).toBe('s-1')
    expect(transport.hasPerRequestStream).toBe(true)
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

    expect(transport.sessionId).toBeUndefined()
    expect(transport.hasPerRequestStream).toBe(false)
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

    expect('stderr' in transport).toBe(false)
    expect('pid' in transport).toBe(false)
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

  test('are all optional', async () => {
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
