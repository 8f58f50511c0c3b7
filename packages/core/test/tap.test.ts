import { describe, expect, it, vi } from 'vitest'
import { type Channel, type Connector, createTransport, type Sink } from '../src/authoring.js'
import { memoryPair, tap, withLayers } from '../src/index.js'
import { numbered } from './support/messages.js'

describe('tap', () => {
  it('calls each callback once per event', async () => {
    const [near, far] = memoryPair()
    const seen: unknown[] = []
    const tapped = withLayers(
      near,
      tap({
        onOpen: (peer) => seen.push(['open', peer.medium]),
        onSend: (message, options) => seen.push(['send', message, options]),
        onReceive: (message) => seen.push(['receive', message]),
        onClose: (reason) => seen.push(['close', reason]),
      }),
    )
    await Promise.all([tapped.start(), far.start()])
    await tapped.send(numbered(1), { relatedRequestId: 7 })
    await far.send(numbered(2))
    await vi.waitFor(() => expect(seen).toHaveLength(3))
    await tapped.close()
    expect(seen).toEqual([
      ['open', 'memory'],
      ['send', numbered(1), { relatedRequestId: 7 }],
      ['receive', numbered(2)],
      ['close', undefined],
    ])
  })

  it('reports a failing callback and passes the message on', async () => {
    const [near, far] = memoryPair()
    const tapped = withLayers(
      near,
      tap({
        onSend: () => {
          throw new Error('no')
        },
        onReceive: () => Promise.reject(new Error('never')) as never,
      }),
    )
    const errors: Error[] = []
    const arrived = vi.fn()
    tapped.onerror = (error) => errors.push(error)
    tapped.onmessage = (message) => arrived(message)
    far.onmessage = (message) => arrived(message)
    await Promise.all([tapped.start(), far.start()])
    await tapped.send(numbered(1))
    await far.send(numbered(2))
    await vi.waitFor(() => expect(arrived).toHaveBeenCalledTimes(2))
    await vi.waitFor(() => expect(errors).toHaveLength(2))
    expect(errors).toMatchObject([
      { code: 'CALLBACK_FAILED', details: { slot: 'onSend' } },
      { code: 'CALLBACK_FAILED', details: { slot: 'onReceive' } },
    ])
    await tapped.close()
  })

  it('passes the reason of an end and of a failed connection', async () => {
    const broken = new Error('broken')
    let sink!: Sink
    const channel: Channel = {
      peer: { medium: 'test', address: 'test:' },
      send: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
    const onClose = vi.fn()
    const onError = vi.fn()
    const opening: Connector = {
      connect: async (given) => {
        sink = given
        return channel
      },
    }
    const tapped = createTransport(tap({ onClose, onError })(opening))
    await tapped.start()
    sink.end(broken)
    await tapped.closed
    expect(onClose.mock.calls).toEqual([[broken]])

    const failing = createTransport(tap({ onClose, onError })({ connect: () => Promise.reject(broken) }))
    await expect(failing.start()).rejects.toBe(broken)
    expect(onError.mock.calls).toEqual([[broken]])
    expect(onClose).toHaveBeenCalledTimes(1)
  })

  it('passes unknown members on', async () => {
    const process = { stderr: null, pid: 7 }
    const channel = { peer: { medium: 'test', address: 'test:' }, extra: 1 } as unknown as Channel
    const layered = tap({})({ connect: async () => channel, connectsOnce: true, process })
    expect(layered).toMatchObject({ connectsOnce: true, process })
    const sink = { message: vi.fn(), error: vi.fn(), end: vi.fn() }
    expect(await layered.connect(sink, new AbortController().signal)).toMatchObject({ extra: 1 })
  })
})
