import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it, vi } from 'vitest'
import { type JsonRpcMessage, TransportError } from '../src/index.js'
import { numbered, request } from './support/messages.js'
import { notification, pipedPairs, response, scriptedPipe, sentOn } from './support/pipes.js'

const overload = new TransportError('OVERLOADED', 'full', { queuedBytes: 9, maxQueuedBytes: 8 })

describe('pipe: overload', () => {
  it('pauses and resumes one end by the pending sends of the other', async () => {
    const { a, b } = await scriptedPipe({ maxPendingSends: 4 })
    const takes: (() => void)[] = []
    b.answer = () => new Promise((resolve) => takes.push(resolve))
    for (let n = 0; n < 4; n++) a.onmessage?.(numbered(n))
    expect(a.flowed).toEqual([])
    a.onmessage?.(numbered(4))
    a.onmessage?.(numbered(5))
    expect(a.flowed).toEqual(['pause'])
    for (const take of takes.splice(0, 3)) take()
    await settled()
    expect(a.flowed).toEqual(['pause'])
    takes.shift()?.()
    await settled()
    expect(a.flowed).toEqual(['pause', 'resume'])
  })

  it('limits the messages between a fast client and a server that does not read', async () => {
    const { client, server, a, b } = pipedPairs({ maxPendingSends: 8 })
    await Promise.all([client.start(), server.start()])
    await vi.waitFor(() => expect({ a: a.state, b: b.state }).toEqual({ a: 'open', b: 'open' }))
    server.flow?.pause()
    const recorded = vi.fn()
    server.onmessage = recorded
    const passed = vi.spyOn(b, 'send')
    const filler = 'x'.repeat(16_384)
    const sends = Array.from({ length: 500 }, (_, n) => client.send(notification('fill', { n, filler })))
    await settled()
    // 64 KiB until sends stay pending, the window, and the messages that are already decoded.
    expect(passed.mock.calls.length).toBeLessThan(50)
    server.flow?.resume()
    await Promise.all(sends)
    await vi.waitFor(() => expect(recorded).toHaveBeenCalledTimes(500))
    await client.close()
  })

  it('keeps messages for a full end in order without loss', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    let room = 2
    const taken: JsonRpcMessage[] = []
    const drains: (() => void)[] = []
    b.send = (message) => {
      if (room === 0) return Promise.reject(overload)
      room--
      taken.push(message)
      return new Promise((resolve) => drains.push(resolve))
    }
    const sent = [0, 1, 2, 3, 4, 5, 6].map((n) => (n % 3 === 0 ? numbered(n) : request(n)))
    for (const message of sent.slice(0, 5)) a.onmessage?.(message)
    await settled()
    expect(a.flowed).toEqual(['pause'])
    for (const message of sent.slice(5)) a.onmessage?.(message)
    for (let count = 0; count < sent.length; count++) {
      room++
      drains.shift()?.()
      await settled()
    }
    expect(taken).toEqual(sent)
    expect(a.flowed).toEqual(['pause', 'resume'])
    expect(a.sent).toEqual([])
    expect(onError.mock.calls).toEqual([])
  })

  it('holds at most maxPendingSends messages of an end without flow', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError, maxPendingSends: 3 })
    a.flow = undefined as never
    let isFull = false
    b.answer = () => (isFull ? Promise.reject(overload) : new Promise(() => {}))
    a.onmessage?.(numbered(0))
    isFull = true
    for (let n = 1; n <= 6; n++) {
      a.onmessage?.(numbered(n))
      await settled()
    }
    expect(onError).toHaveBeenCalledTimes(3)
  })

  it('responds with an error when a result finds a full end', async () => {
    const { a, b } = await scriptedPipe()
    a.onmessage?.(request(1))
    a.answer = () => {
      a.answer = () => Promise.resolve()
      return Promise.reject(overload)
    }
    b.onmessage?.(response(1))
    await settled()
    expect(a.sent.at(-1)?.message).toMatchObject({
      id: 1,
      error: { data: { code: 'SEND_FAILED', cause: 'OVERLOADED', delivery: 'unknown' } },
    })
  })

  it('responds to requests that cannot be sent and reports other messages', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    b.answer = () => Promise.reject(overload)
    a.onmessage?.(request(1))
    a.onmessage?.(numbered(1))
    await settled()
    expect(sentOn(a)).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: { code: -31_003, message: 'overloaded', data: { code: 'OVERLOADED', delivery: 'none' } },
      },
    ])
    expect(a.sent[0]?.options).toEqual({ relatedRequestId: 1 })
    expect(onError.mock.calls).toEqual([[overload, 'b']])
  })

  it('responds with an error when a result is too large for the other end', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    const tooLarge = new TransportError('MESSAGE_TOO_LARGE', 'long', { bytes: 9, maxMessageBytes: 8 })
    a.onmessage?.(request(1))
    a.answer = () => {
      a.answer = () => Promise.resolve()
      throw tooLarge
    }
    b.onmessage?.(response(1))
    await settled()
    expect(a.sent.at(-1)?.message).toMatchObject({
      id: 1,
      error: { data: { code: 'MESSAGE_TOO_LARGE', delivery: 'unknown' } },
    })
    expect(onError.mock.calls).toEqual([[tooLarge, 'a']])
  })

  it('passes the side of an error and ignores an onError that throws', async () => {
    const sides: string[] = []
    const { a, b } = await scriptedPipe({
      onError: (error, side) => {
        sides.push(`${side}: ${error.message}`)
        throw error
      },
    })
    a.onerror?.(new Error('one'))
    b.onerror?.(new Error('two'))
    expect(sides).toEqual(['a: one', 'b: two'])
  })
})
