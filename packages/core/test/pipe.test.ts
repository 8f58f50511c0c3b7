import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it, vi } from 'vitest'
import { encodedOf } from '../src/authoring.js'
import { type MessageParams, peer, pipe } from '../src/index.js'
import { setEncoded } from '../src/messages/message-reader.js'
import { numbered, request } from './support/messages.js'
import { cancelled, notification, pipedPairs, response, scriptedPipe, sentOn } from './support/pipes.js'
import { scriptedTransport } from './support/scripted-transport.js'

const modern = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }

describe('pipe: messages', () => {
  it('keeps 10 000 messages in order in both directions', async () => {
    const { client, server } = pipedPairs({ maxPendingSends: 4 })
    const [up, down] = [[] as unknown[], [] as unknown[]]
    server.onmessage = (message) => up.push('params' in message && message.params?.['n'])
    client.onmessage = (message) => down.push('params' in message && message.params?.['n'])
    await Promise.all([client.start(), server.start()])
    const numbers = Array.from({ length: 10_000 }, (_, n) => n)
    await Promise.all(numbers.flatMap((n) => [client.send(numbered(n)), server.send(numbered(n))]))
    await vi.waitFor(() => expect({ up: up.length, down: down.length }).toEqual({ up: 10_000, down: 10_000 }))
    expect(up).toEqual(numbers)
    expect(down).toEqual(numbers)
    await client.close()
  })

  it('keeps ids, also equal ones in both directions [GEN-05]', async () => {
    const echo = { requests: { echo: (params?: MessageParams) => ({ ...params }) } }
    const { client, server } = pipedPairs()
    const [near, far] = [peer(client, echo), peer(server, echo)]
    await Promise.all([near.start(), far.start()])
    const answers = await Promise.all([near.request('echo', { up: 1 }), far.request('echo', { down: 1 })])
    expect(answers).toEqual([{ up: 1 }, { down: 1 }])
    await near.close()
  })

  it('forwards the same objects, with their bytes', async () => {
    const { a, b } = await scriptedPipe()
    const message = request('')
    setEncoded(message, new Uint8Array([1]))
    a.onmessage?.(message)
    expect(encodedOf(b.sent[0]?.message as object)).toEqual(new Uint8Array([1]))
  })

  it('holds messages until the other end is open', async () => {
    const [a, b] = [scriptedTransport(), scriptedTransport()]
    let open!: () => void
    a.start = () =>
      new Promise((resolve) => {
        open = resolve
      })
    pipe(a, b)
    await settled()
    for (const n of [1, 2]) b.onmessage?.(numbered(n))
    expect(sentOn(a)).toEqual([])
    open()
    await settled()
    expect(sentOn(a)).toEqual([numbered(1), numbered(2)])
  })

  it('sets relatedRequestId of responses, progress and subscription messages', async () => {
    const { a, b } = await scriptedPipe()
    a.onmessage?.({ jsonrpc: '2.0', id: 7, method: 'work', params: { _meta: { progressToken: 'p' } } })
    a.onmessage?.({ jsonrpc: '2.0', id: 8, method: 'subscriptions/listen', params: modern })
    const change = { _meta: { 'io.modelcontextprotocol/subscriptionId': 8 } }
    b.onmessage?.(notification('notifications/progress', { progressToken: 'p', progress: 1 }))
    b.onmessage?.(notification('notifications/tools/list_changed', change))
    b.onmessage?.(notification('notifications/tools/list_changed', {}))
    b.onmessage?.(response(7))
    b.onmessage?.(notification('notifications/progress', { progressToken: 'p', progress: 2 }))
    b.onmessage?.(cancelled(8))
    b.onmessage?.(notification('notifications/tools/list_changed', change))
    expect(a.sent.map(({ options }) => options?.relatedRequestId)).toEqual([
      7,
      8,
      undefined,
      7,
      undefined,
      8,
      undefined,
    ])
  })

  it('sets the negotiated version on both transports', async () => {
    const { a, b } = await scriptedPipe()
    a.setProtocolVersion = vi.fn()
    b.setProtocolVersion = vi.fn()
    a.onmessage?.(request(0, 'initialize'))
    b.onmessage?.(response(0, { protocolVersion: '2025-06-18' }))
    expect(a.setProtocolVersion).toHaveBeenCalledWith('2025-06-18')
    expect(b.setProtocolVersion).toHaveBeenCalledWith('2025-06-18')
  })
})

describe('pipe: cancellation', () => {
  it('is forwarded where requests have no stream of their own', async () => {
    const { a, b } = await scriptedPipe()
    b.hasPerRequestStream = true
    a.onmessage?.(request(1))
    a.onmessage?.(cancelled(1))
    expect(sentOn(b)).toEqual([request(1), cancelled(1)])
  })

  it('aborts the stream of a request that has one and drops the late response', async () => {
    const { a, b } = await scriptedPipe()
    b.hasPerRequestStream = true
    for (const id of [1, '1']) a.onmessage?.({ jsonrpc: '2.0', id, method: 'slow', params: modern })
    a.onmessage?.(cancelled(1))
    b.onmessage?.(response(1))
    expect(b.sent.map(({ options }) => options?.requestSignal?.aborted)).toEqual([true, false])
    expect(sentOn(a)).toEqual([])
    b.onmessage?.(response('1'))
    expect(sentOn(a)).toEqual([response('1')])
  })

  it('causes no response when the cancelled request cannot be sent', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    b.hasPerRequestStream = true
    let fail!: (error: Error) => void
    b.answer = () =>
      new Promise((_, reject) => {
        fail = reject
      })
    a.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'slow', params: modern })
    a.onmessage?.(cancelled(1))
    fail(new Error('aborted'))
    await settled()
    expect(sentOn(a)).toEqual([])
    expect(onError).not.toHaveBeenCalled()
  })
})
