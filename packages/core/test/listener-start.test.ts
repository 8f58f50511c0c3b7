import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test } from 'vitest'
import { createListener } from '../src/authoring.js'
import { allowAll } from '../src/index.js'
import { acceptor, caller } from './support/acceptors.js'
import { deferred } from './support/channels.js'
import { listening, making } from './support/listening.js'

describe('start() of a listener', () => {
  test('binds and then has the address', async () => {
    const { listener, log } = making()
    expect(listener.address).toBeUndefined()
    await listener.start()

    expect(listener.address).toBe('test://here')
    expect(log).toEqual([])
  })

  test('has a url after the start and throws NOT_STARTED before', async () => {
    const { listener } = making()
    expect(() => listener.url).toThrow(expect.objectContaining({ code: 'NOT_STARTED' }))
    await listener.start()

    expect(listener.url).toBe('test://here')
  })

  test('rejects a second call with ALREADY_STARTED and a late one with CLOSED', async () => {
    const { listener } = await listening()
    await expect(listener.start()).rejects.toMatchObject({ code: 'ALREADY_STARTED' })
    await listener.close()

    await expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('requires a gate to bind beyond this host', async () => {
    const { listener, log, acceptor } = making({}, { bindsBeyondThisHost: true })
    await expect(listener.start()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { option: 'gate' },
    })

    expect(log).toEqual(['error', 'close'])
    expect(() => acceptor.sink).toThrow()
    await expect(listening({ gate: allowAll() }, { bindsBeyondThisHost: true })).resolves.toBeDefined()
  })

  test('rejects with the error of the bind after calling onerror and onclose', async () => {
    const failure = new Error('EADDRINUSE')
    const { listener, log, errors } = making({}, { listen: () => Promise.reject(failure) })
    await expect(listener.start()).rejects.toBe(failure)

    expect(log).toEqual(['error', 'close'])
    expect(errors).toEqual([failure])
    await expect(listener.closed).resolves.toBe(failure)
  })

  test('rejects when the acceptor throws', async () => {
    const failure = new Error('EADDRINUSE')
    const { listener } = making(
      {},
      {
        listen: () => {
          throw failure
        },
      },
    )

    await expect(listener.start()).rejects.toBe(failure)
  })

  test('rejects with the reason of an abort before and during the bind', async () => {
    const reason = { not: 'an error' }
    const before = making()
    await expect(before.listener.start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(() => before.acceptor.sink).toThrow()

    const controller = new AbortController()
    const bound = deferred()
    const during = making({}, { listen: (binding) => bound.promise.then(() => binding) })
    const rejected = expect(during.listener.start({ signal: controller.signal })).rejects.toBe(reason)
    controller.abort(reason)
    expect(during.acceptor.signal.reason).toBe(reason)
    bound.resolve()
    await rejected

    expect(during.acceptor.close).toHaveBeenCalledTimes(1)
    expect(during.log).toEqual(['error', 'close'])
  })

  test('abandons an acceptor that ignores the abort and releases its late binding', async () => {
    const bound = deferred()
    const { clock, listener, acceptor } = making(
      { closeTimeoutMs: 100 },
      { listen: (binding) => bound.promise.then(() => binding) },
    )
    const rejected = expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
    const closed = listener.close()
    await clock.advance(100)
    await Promise.all([rejected, closed])
    bound.resolve()
    await settled()

    expect(acceptor.close).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
  })

  test('rejects with CLOSED when closed during the bind, which is an orderly end', async () => {
    const { listener, log } = making({}, { listen: (binding) => settled().then(() => binding) })
    const rejected = expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
    await Promise.all([listener.close(), listener.close(), rejected])

    expect(log).toEqual(['close'])
    await expect(listener.closed).resolves.toBeUndefined()
  })

  test('closes earlier connections when it fails', async () => {
    const failure = new Error('no more descriptors')
    const early = caller()
    const { listener, yielded } = making(
      {},
      {
        listen: async (_binding, sink) => {
          sink.connection(early)
          await settled()
          throw failure
        },
      },
    )
    await expect(listener.start()).rejects.toBe(failure)

    expect(yielded.map(({ state }) => state)).toEqual(['closed'])
    expect(listener.connections.size).toBe(0)
    expect(early.refuse).toHaveBeenCalledTimes(1)
  })

  test('rejects when the acceptor fails as it opens', async () => {
    const failure = new Error('gone')
    const { listener, acceptor } = making(
      {},
      {
        listen: async (binding, sink) => {
          queueMicrotask(() => sink.end(failure))
          return binding
        },
      },
    )
    await expect(listener.start()).rejects.toBe(failure)

    expect(acceptor.close).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['gateTimeoutMs', 0],
    ['maxConnections', 0],
    ['maxConnections', 1.5],
    ['startTimeoutMs', 0],
    ['closeTimeoutMs', -1],
    ['gateTimeoutMs', Number.NaN],
  ])('rejects the option %s with %o', (option, value) => {
    expect(() => createListener(acceptor(), { [option]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: { option, received: value } }),
    )
  })
})
