import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it, vi } from 'vitest'
import { type IncomingCall, JsonRpcError, type PeerOptions, peer } from '../src/index.js'
import { hanging, pairOfPeers } from './support/peers.js'
import { type ScriptedTransport, scriptedTransport } from './support/scripted-transport.js'

const modernMeta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }

function sentMethods(transport: ScriptedTransport): unknown[] {
  return transport.sent.map(({ message }) => ('method' in message ? message.method : 'response'))
}

describe('peer: requests', () => {
  it('resolves with the result and rejects with the JSON-RPC error', async () => {
    const { near, far } = await pairOfPeers(
      {},
      {
        requests: {
          add: (params) => ({ sum: Number(params?.['a']) + Number(params?.['b']) }),
          fail: () => {
            throw new JsonRpcError(-32_602, 'wrong params', { field: 'a' })
          },
        },
      },
    )
    expect(await near.request('add', { a: 1, b: 2 })).toEqual({ sum: 3 })
    const failure = near.request('fail')
    await expect(failure).rejects.toBeInstanceOf(JsonRpcError)
    await expect(failure).rejects.toMatchObject({
      code: -32_602,
      message: 'wrong params',
      data: { field: 'a' },
    })
    await Promise.all([near.close(), far.close()])
  })

  it('matches responses in any order', async () => {
    const answers: (() => void)[] = []
    const wait: PeerOptions = {
      requests: { echo: (params) => new Promise((resolve) => answers.push(() => resolve({ ...params }))) },
    }
    const { near } = await pairOfPeers({}, wait)
    const results = Promise.all([1, 2, 3].map((n) => near.request('echo', { n })))
    await settled()
    for (const answer of answers.toReversed()) answer()
    expect(await results).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    await near.close()
  })

  it('times out, cancels the request and ignores the late response [GEN-22, GEN-23, GEN-30]', async () => {
    const clock = fakeClock()
    const { handler, calls } = hanging()
    const onError = vi.fn()
    const { near } = await pairOfPeers({ clock, onError }, { requests: { slow: handler } })
    const request = near.request('slow', {}, { timeoutMs: 500 })
    await clock.advance(499)
    expect(calls[0]?.signal.aborted).toBe(false)
    await clock.advance(1)
    await expect(request).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      details: { method: 'slow', timeoutMs: 500 },
    })
    expect(calls[0]?.signal.aborted).toBe(true)
    expect(clock.pending).toBe(0)
    await near.close()
    expect(onError).not.toHaveBeenCalled()
  })

  it('waits 60 s by default', async () => {
    const clock = fakeClock()
    const transport = scriptedTransport()
    const request = peer(transport, { clock }).request('slow')
    await clock.advance(60_000)
    await expect(request).rejects.toMatchObject({ details: { timeoutMs: 60_000 } })
  })

  it('sends no cancellation of initialize or of a task [GEN-26, GEN-27]', async () => {
    const clock = fakeClock()
    const transport = scriptedTransport()
    const near = peer(transport, { clock })
    const requests = [near.request('initialize'), near.request('tools/call', { task: { ttl: 1 } })]
    await clock.advance(60_000)
    expect((await Promise.allSettled(requests)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(sentMethods(transport)).toEqual(['initialize', 'tools/call'])
  })

  it('rejects with the reason of an abort and cancels the request', async () => {
    const { handler, calls } = hanging()
    const { near } = await pairOfPeers({}, { requests: { slow: handler } })
    const abort = new AbortController()
    const request = near.request('slow', {}, { signal: abort.signal })
    await settled()
    const reason = { not: 'an error' }
    abort.abort(reason)
    await expect(request).rejects.toBe(reason)
    await settled()
    expect(calls[0]?.signal.aborted).toBe(true)
    await expect(near.request('slow', {}, { signal: abort.signal })).rejects.toBe(reason)
    expect(calls).toHaveLength(1)
    await near.close()
  })

  it('aborts the stream of a request that has one', async () => {
    const transport = scriptedTransport()
    transport.hasPerRequestStream = true
    const near = peer(transport)
    const abort = new AbortController()
    const options = { signal: abort.signal, send: { headers: { a: 'b' } } }
    const modern = near.request('slow', { _meta: modernMeta }, options)
    const legacy = near.request('slow', {}, { signal: abort.signal })
    await settled()
    abort.abort(new Error('enough'))
    await expect(modern).rejects.toThrow('enough')
    await expect(legacy).rejects.toThrow('enough')
    expect(sentMethods(transport)).toEqual(['slow', 'slow', 'notifications/cancelled'])
    expect(transport.sent[0]?.options).toMatchObject({
      headers: { a: 'b' },
      requestSignal: { aborted: true },
    })
    expect(transport.sent[1]?.options?.requestSignal).toBeUndefined()
    expect(transport.sent[2]?.message).toMatchObject({ params: { requestId: 2, reason: 'enough' } })
  })

  it('rejects with the error of send(), thrown or rejected', async () => {
    const clock = fakeClock()
    const transport = scriptedTransport()
    const near = peer(transport, { clock })
    transport.answer = () => Promise.reject(new Error('refused'))
    await expect(near.request('x')).rejects.toThrow('refused')
    transport.answer = () => {
      throw new Error('thrown')
    }
    await expect(near.request('x')).rejects.toThrow('thrown')
    expect(clock.pending).toBe(0)
  })

  it.each([['timeoutMs'], ['maxTotalTimeoutMs']])('rejects a negative %s', async (option) => {
    const near = peer(scriptedTransport())
    await expect(near.request('x', {}, { [option]: -1 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { option },
    })
  })

  it('rejects all pending requests with the cause when the transport ends', async () => {
    const clock = fakeClock()
    const { handler } = hanging()
    const { near, ends } = await pairOfPeers({ clock }, { requests: { slow: handler } })
    const requests = [near.request('slow'), near.request('slow')]
    await settled()
    const cause = new Error('unplugged')
    await ends[0].close({ reason: cause })
    for (const request of requests) await expect(request).rejects.toMatchObject({ code: 'CLOSED', cause })
    await expect(near.request('slow')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await near.closed).toBe(cause)
    expect(clock.pending).toBe(0)
  })

  it('sends nothing after the end of the transport', async () => {
    const transport = scriptedTransport()
    const near = peer(transport)
    transport.onclose?.()
    await expect(near.request('x')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(transport.sent).toEqual([])
  })

  it('causes no unhandled rejection for unobserved requests', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const { near } = await pairOfPeers({}, { requests: { slow: hanging().handler } })
    void near.request('slow')
    await settled()
    await near.close()
    await settled()
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('reports responses without a request and errors without an id', async () => {
    const transport = scriptedTransport()
    const onError = vi.fn()
    peer(transport, { onError })
    transport.onmessage?.({ jsonrpc: '2.0', id: '1', result: {} })
    transport.onmessage?.({ jsonrpc: '2.0', error: { code: -32_700, message: 'unreadable' } })
    expect(onError.mock.calls).toMatchObject([
      [{ message: expect.stringContaining('id "1"') }],
      [{ code: -32_700, message: 'unreadable' }],
    ])
  })
})

describe('peer: progress', () => {
  it('reaches its request until the response', async () => {
    const other = vi.fn()
    const { near } = await pairOfPeers(
      { notifications: { 'notifications/progress': other } },
      {
        requests: {
          work: async (_, { sendProgress }) => {
            for (const progress of [1, 2, 2, 1, 3]) await sendProgress({ progress, total: 3 })
            void settled().then(() => sendProgress({ progress: 4 }))
            return {}
          },
        },
      },
    )
    const onProgress = vi.fn()
    await near.request('work', { _meta: { kept: true } }, { onProgress })
    await near.request('work')
    await settled()
    expect(onProgress.mock.calls.map(([{ progress }]) => progress)).toEqual([1, 2, 3])
    expect(other).not.toHaveBeenCalled()
    await near.close()
  })

  it('is ignored after the response', async () => {
    const transport = scriptedTransport()
    const recorded = vi.fn()
    const near = peer(transport, { onError: recorded, onNotification: recorded })
    const request = near.request('work', {}, { onProgress: recorded })
    transport.onmessage?.({ jsonrpc: '2.0', id: 1, result: {} })
    await request
    const params = { progressToken: 1, progress: 1 }
    transport.onmessage?.({ jsonrpc: '2.0', method: 'notifications/progress', params })
    transport.onmessage?.({ jsonrpc: '2.0', id: 1, result: {} })
    expect(recorded).not.toHaveBeenCalled()
  })

  it('is not sent after the response [GEN-32]', async () => {
    const transport = scriptedTransport()
    let late!: IncomingCall
    const requests: PeerOptions['requests'] = {
      work: (_, call) => {
        late = call
        return {}
      },
    }
    peer(transport, { requests })
    transport.onmessage?.({
      jsonrpc: '2.0',
      id: 1,
      method: 'work',
      params: { _meta: { progressToken: 't' } },
    })
    await settled()
    await late.sendProgress({ progress: 1 })
    expect(sentMethods(transport)).toEqual(['response'])
  })

  it('has a separate token for each request [GEN-32]', async () => {
    const transport = scriptedTransport()
    const near = peer(transport)
    for (let i = 0; i < 3; i++) void near.request('work', { _meta: { kept: i } }, { onProgress: () => {} })
    const metas = transport.sent.map(({ message }) => 'params' in message && message.params?._meta)
    expect(metas).toMatchObject([{ kept: 0 }, { kept: 1 }, { kept: 2 }])
    expect(new Set(metas.map((meta) => meta || undefined).map((meta) => meta?.progressToken)).size).toBe(3)
  })

  it('extends the timeout with resetTimeoutOnProgress, up to the total one [GEN-23, GEN-24]', async () => {
    const clock = fakeClock()
    const transport = scriptedTransport()
    const near = peer(transport, { clock })
    const request = near.request(
      'work',
      {},
      { timeoutMs: 100, maxTotalTimeoutMs: 250, resetTimeoutOnProgress: true, onProgress: () => {} },
    )
    for (let at = 0; at < 240; at += 80) {
      await clock.advance(80)
      transport.onmessage?.({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 1, progress: at },
      })
    }
    expect(sentMethods(transport)).toEqual(['work'])
    await clock.advance(10)
    await expect(request).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', details: { timeoutMs: 250 } })
  })

  it('does not extend the timeout by default and reports an onProgress that throws', async () => {
    const clock = fakeClock()
    const transport = scriptedTransport()
    const onError = vi.fn()
    const near = peer(transport, { clock, onError })
    const onProgress = (): void => {
      throw new Error('no')
    }
    const request = near.request('work', {}, { timeoutMs: 100, onProgress })
    await clock.advance(80)
    const params = { progressToken: 1, progress: 1 }
    transport.onmessage?.({ jsonrpc: '2.0', method: 'notifications/progress', params })
    expect(onError.mock.calls).toMatchObject([[{ code: 'CALLBACK_FAILED' }]])
    await clock.advance(20)
    await expect(request).rejects.toMatchObject({ details: { timeoutMs: 100 } })
  })
})
