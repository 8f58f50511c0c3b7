import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import { createTransport } from '../src/authoring.js'
import { TransportError } from '../src/index.js'
import { deferred, handmade, peer } from './support/channels.js'
import { numbered } from './support/messages.js'
import { code, logged } from './support/transports.js'

describe('the end of a transport', () => {
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

    expect(transport.state).toBe('closed')
    expect(log).toEqual(['error reset', 'close'])
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

    expect(onclose).toHaveBeenCalledTimes(1)
    expect(connector.close).not.toHaveBeenCalled()
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
