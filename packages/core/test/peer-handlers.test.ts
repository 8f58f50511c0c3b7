import { settled } from '@mcpwire/test-support/fake-clock'
import { cancelled } from '@mcpwire/test-support/messages'
import { describe, expect, it, vi } from 'vitest'
import { type PeerOptions, peer, TransportError } from '../src/index.js'
import { hanging, pairOfPeers } from './support/peers.js'
import { scriptedTransport } from './support/scripted-transport.js'

const overload = new TransportError('OVERLOADED', 'full', { queuedBytes: 9, maxQueuedBytes: 8 })

describe('peer: handlers', () => {
  it('responds with −32601 to unknown methods, inherited names included', async () => {
    const { near } = await pairOfPeers({}, { requests: {} })
    for (const method of ['nothing', 'constructor', '__proto__']) {
      await expect(near.request(method)).rejects.toMatchObject({ code: -32_601 })
    }
    await near.close()
  })

  it('responds to ping by default and to the rest with the fallback [GEN-31]', async () => {
    const onRequest: PeerOptions['onRequest'] = (_, { method }) => ({ method })
    const { near } = await pairOfPeers({}, { onRequest })
    expect(await near.request('ping')).toEqual({})
    expect(await near.request('other')).toEqual({ method: 'other' })
    await near.close()
    const own = await pairOfPeers({}, { requests: { ping: () => ({ pong: 1 }) } })
    expect(await own.near.request('ping')).toEqual({ pong: 1 })
    await own.near.close()
  })

  it('responds with the message only when a handler throws', async () => {
    const { near } = await pairOfPeers(
      {},
      {
        requests: {
          error: () => {
            throw Object.assign(new Error('it broke'), { code: 'E_SECRET', path: '/secret' })
          },
          other: () => Promise.reject({ secret: 1 }),
        },
      },
    )
    const failure = near.request('error')
    await expect(failure).rejects.toMatchObject({ code: -32_603, message: 'it broke', data: undefined })
    await expect(near.request('other')).rejects.toMatchObject({ code: -32_603, message: 'Internal error' })
    await near.close()
  })

  it('sends no response to a cancelled request [GEN-28]', async () => {
    const transport = scriptedTransport()
    let answer!: () => void
    let signal!: AbortSignal
    peer(transport, {
      requests: {
        slow: (_, call) => {
          signal = call.signal
          return new Promise((resolve) => {
            answer = () => resolve({})
          })
        },
      },
    })
    transport.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'slow' })
    const cancel = (requestId: string | number): void => transport.onmessage?.(cancelled(requestId))
    cancel('1')
    expect(signal.aborted).toBe(false)
    cancel(1)
    expect(signal.aborted).toBe(true)
    answer()
    await settled()
    expect(transport.sent).toEqual([])
  })

  it('sends responses, progress and requests of a handler with relatedRequestId', async () => {
    const transport = scriptedTransport()
    const near = peer(transport, {
      requests: {
        work: async (_, { id, sendProgress }) => {
          await sendProgress({ progress: 1 })
          void near.request('sampling/createMessage', {}, { send: { relatedRequestId: id } })
          return {}
        },
      },
    })
    transport.onmessage?.({
      jsonrpc: '2.0',
      id: '',
      method: 'work',
      params: { _meta: { progressToken: 't' } },
    })
    await settled()
    expect(transport.sent.map(({ options }) => options)).toEqual(Array(3).fill({ relatedRequestId: '' }))
    expect(transport.sent.at(-1)?.message).toEqual({ jsonrpc: '2.0', id: '', result: {} })
  })

  it('repeats each response at most once when the transport is full', async () => {
    const transport = scriptedTransport()
    const onError = vi.fn()
    const server = peer(transport, { requests: { get: () => ({ fine: true }) }, onError })
    await server.start()
    const drains: (() => void)[] = []
    const taken: unknown[] = []
    let [room, sends] = [1, 0]
    transport.send = (message) => {
      sends++
      if (room === 0) return Promise.reject(overload)
      room--
      taken.push(message)
      return new Promise((resolve) => drains.push(resolve))
    }
    const ids = Array.from({ length: 40 }, (_, id) => id)
    for (const id of ids) transport.onmessage?.({ jsonrpc: '2.0', id, method: 'get' })
    await settled()
    expect(transport.flowed).toEqual(['pause'])
    while (drains.length > 0) {
      room++
      drains.shift()?.()
      await settled()
    }
    expect(taken).toEqual(ids.map((id) => ({ jsonrpc: '2.0', id, result: { fine: true } })))
    expect(sends).toBeLessThanOrEqual(2 * ids.length)
    expect(transport.flowed).toEqual(['pause', 'resume'])
    expect(onError).not.toHaveBeenCalled()
  })

  it('limits the responses for a client that does not read', async () => {
    const transport = scriptedTransport()
    const onError = vi.fn()
    const server = peer(transport, { requests: { get: () => ({ fine: true }) }, onError })
    await server.start()
    let isFull = false
    transport.send = (message) => {
      if (isFull) return Promise.reject(overload)
      isFull = true
      transport.sent.push({ message, options: undefined })
      return new Promise(() => {})
    }
    for (let id = 0; id < 100; id++) transport.onmessage?.({ jsonrpc: '2.0', id, method: 'get' })
    await settled()
    // Without space to wait, both the response and its error response are rejected.
    expect(onError).toHaveBeenCalledTimes(2 * (100 - 1 - 64))
    transport.onclose?.()
    await settled()
    expect(onError).toHaveBeenCalledTimes(2 * (100 - 1 - 64))
  })

  it('responds with an error when the result cannot be sent', async () => {
    const onError = vi.fn()
    const { near } = await pairOfPeers({}, { onError, requests: { big: () => ({ big: 1n }) } })
    await expect(near.request('big')).rejects.toMatchObject({ code: -32_603 })
    expect(onError.mock.calls).toMatchObject([[{ code: 'SEND_FAILED' }]])
    await near.close()
  })

  it('aborts the handlers when the transport ends', async () => {
    const { handler, calls } = hanging()
    const { near, far } = await pairOfPeers({}, { requests: { slow: handler } })
    void near.request('slow')
    await settled()
    await near.close()
    await far.closed
    expect(calls[0]?.signal.reason).toMatchObject({ code: 'CLOSED' })
  })

  it('calls notification handlers and reports failing ones', async () => {
    const recorded = vi.fn()
    const onError = vi.fn()
    const { near } = await pairOfPeers(
      {},
      {
        onError,
        onNotification: ({ method }) => recorded(method),
        notifications: {
          known: (params) => recorded(params),
          throws: () => {
            throw new Error('no')
          },
          rejects: () => Promise.reject(new Error('never')),
        },
      },
    )
    await near.notify('known', { a: 1 })
    await near.notify('unknown')
    await near.notify('throws')
    await near.notify('rejects')
    await settled()
    expect(recorded.mock.calls).toEqual([[{ a: 1 }], ['unknown']])
    expect(onError.mock.calls).toMatchObject([
      [{ code: 'CALLBACK_FAILED', details: { slot: 'throws' } }],
      [{ code: 'CALLBACK_FAILED', details: { slot: 'rejects' } }],
    ])
    await near.close()
  })
})
