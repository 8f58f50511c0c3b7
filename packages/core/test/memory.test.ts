import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import { encodedOf } from '../src/authoring.js'
import { type JsonRpcMessage, type MemoryPairOptions, memoryPair, type Transport } from '../src/index.js'
import { numbered, numberOf, request } from './support/messages.js'

interface Recorded {
  readonly messages: JsonRpcMessage[]
  readonly errors: Error[]
}

function listenTo(transport: Transport): Recorded {
  const recorded: Recorded = { messages: [], errors: [] }
  transport.onmessage = (message) => recorded.messages.push(message)
  transport.onerror = (error) => recorded.errors.push(error)
  return recorded
}

async function openPair(options: MemoryPairOptions = {}): Promise<[Transport, Transport]> {
  const [a, b] = memoryPair(options)
  await Promise.all([a.start(), b.start()])
  return [a, b]
}

/** A message whose JSON text has that length. */
function ofLength(length: number): JsonRpcMessage {
  const empty = JSON.stringify({ jsonrpc: '2.0', method: '' }).length
  return { jsonrpc: '2.0', method: 'x'.repeat(length - empty) }
}

test('delivers messages in order in both directions', async () => {
  const [a, b] = await openPair()
  const [atA, atB] = [listenTo(a), listenTo(b)]
  await Promise.all([1, 2, 3].map((n) => a.send(numbered(n))))
  await b.send(request(0))
  await settled()

  expect(atB.messages).toEqual([numbered(1), numbered(2), numbered(3)])
  expect(atA.messages).toEqual([request(0)])
})

test('shares no objects between the ends', async () => {
  const [a, b] = await openPair()
  const { messages } = listenTo(b)
  const sent = { jsonrpc: '2.0', method: 'a', params: { list: [1], gone: undefined } } as const
  await a.send(sent as unknown as JsonRpcMessage)
  await settled()

  expect(messages[0]).not.toBe(sent)
  expect(messages).toStrictEqual([{ jsonrpc: '2.0', method: 'a', params: { list: [1] } }])
  expect(encodedOf(messages[0] as object)).toBeUndefined()
})

test('has the other end as its peer', async () => {
  const [a, b] = await openPair()

  expect(a.peer).toEqual({ medium: 'memory', address: 'memory:b' })
  expect(b.peer).toEqual({ medium: 'memory', address: 'memory:a' })
})

test('delivers messages that were sent before the other end started', async () => {
  const [a, b] = memoryPair()
  const { messages } = listenTo(b)
  await a.start()
  await a.send(numbered(1))
  await settled()
  expect(messages).toEqual([])
  await b.start()
  await settled()

  expect(messages).toEqual([numbered(1)])
})

test('ends the other end after the messages sent before close()', async () => {
  const [a, b] = await openPair()
  const log: string[] = []
  b.onmessage = () => log.push('message')
  b.onclose = () => log.push('close')
  await Promise.all([a.send(numbered(1)), a.send(numbered(2)), a.close()].map((each) => each.catch(() => {})))

  await expect(b.closed).resolves.toBeUndefined()
  expect(log).toEqual(['message', 'message', 'close'])
})

test('closes both ends at the same time', async () => {
  const [a, b] = await openPair()
  await Promise.all([a.close(), b.close()])

  await expect(Promise.all([a.closed, b.closed])).resolves.toEqual([undefined, undefined])
})

test('rejects start() when the other end has closed', async () => {
  const [a, b] = memoryPair()
  await a.start()
  await a.close()

  await expect(b.start()).rejects.toMatchObject({ code: 'CONNECT_FAILED', details: { address: 'memory:a' } })
})

test('ends the other end when an idle end is closed', async () => {
  const [a, b] = memoryPair()
  await a.start()
  await b.close()

  await expect(a.closed).resolves.toBeUndefined()
})

describe('limits', () => {
  test('accepts a message at the limit and rejects a longer one', async () => {
    const [a, b] = await openPair({ maxMessageBytes: 1024 })
    const { messages } = listenTo(b)
    await a.send(ofLength(1024))
    await expect(a.send(ofLength(1025))).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      details: { bytes: 1025, maxMessageBytes: 1024 },
    })
    await settled()

    expect(messages).toHaveLength(1)
    expect(a.state).toBe('open')
  })

  test('rejects a message without a JSON text', async () => {
    const [a, b] = await openPair()
    const { messages } = listenTo(b)
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const params of [cycle, { big: 1n }]) {
      await expect(a.send({ jsonrpc: '2.0', method: 'a', params })).rejects.toMatchObject({
        code: 'SEND_FAILED',
        details: { delivery: 'none' },
      })
    }
    await a.send(numbered(1))
    await settled()

    expect(messages).toEqual([numbered(1)])
  })

  test('accepts messages for a paused end up to exactly the limit', async () => {
    const [a, b] = await openPair({ maxQueuedBytes: 2048 })
    const { messages } = listenTo(b)
    b.flow?.pause()
    await a.send(ofLength(1024))
    await a.send(ofLength(1024))
    await expect(a.send(ofLength(100))).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: { queuedBytes: 2148, maxQueuedBytes: 2048 },
    })
    expect(messages).toEqual([])
    b.flow?.resume()
    await settled()
    await a.send(ofLength(2048))
    await settled()

    expect(messages).toHaveLength(3)
  })

  test.each([
    ['maxMessageBytes', 1023],
    ['maxMessageBytes', 1024.5],
    ['maxQueuedBytes', 0],
    ['closeTimeoutMs', -1],
  ])('%s of %o is refused', (option, value) => {
    expect(() => memoryPair({ [option]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: { option, received: value } }),
    )
  })
})

describe('flow', () => {
  test('delays sends above the high-water mark until the other end reads again', async () => {
    const [a, b] = await openPair()
    const { messages } = listenTo(b)
    b.flow?.pause()
    await a.send(ofLength(60_000))
    const waiting = vi.fn()
    const sends = [a.send(ofLength(60_000)), a.send(ofLength(60_000))].map((send) => send.then(waiting))
    await settled()
    expect(waiting).not.toHaveBeenCalled()
    expect(messages).toHaveLength(0)
    b.flow?.resume()
    await Promise.all(sends)
    await settled()

    expect(messages).toHaveLength(3)
  })

  test('delivers nothing after a pause within a handler', async () => {
    const [a, b] = await openPair()
    const recorded: JsonRpcMessage[] = []
    b.onmessage = (message) => {
      recorded.push(message)
      b.flow?.pause()
    }
    for (const n of [1, 2, 3]) void a.send(numbered(n))
    await settled()
    expect(recorded).toEqual([numbered(1)])
    b.flow?.resume()
    await settled()

    expect(recorded).toEqual([numbered(1), numbered(2)])
  })

  test('settles a delayed send when the other end closes, even for a paused end', async () => {
    const [a, b] = await openPair()
    a.flow?.pause()
    b.flow?.pause()
    void a.send(ofLength(60_000))
    const rejected = expect(a.send(ofLength(60_000))).rejects.toMatchObject({ code: 'SEND_FAILED' })
    await b.close()

    await rejected
    await expect(a.send(numbered(1))).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'none' },
    })
  })

  test('delivers the queued messages to a paused end before the close', async () => {
    const [a, b] = await openPair()
    const log: unknown[] = []
    b.onmessage = (message) => {
      log.push(numberOf(message))
      b.flow?.pause()
    }
    b.onclose = () => log.push('close')
    for (const n of [1, 2]) void a.send(numbered(n)).catch(() => {})
    void a.close()
    await settled()
    expect(log).toEqual([1])
    b.flow?.resume()
    await settled()

    expect(log).toEqual([1, 2, 'close'])
  })

  test('ends both when a paused end is closed', async () => {
    const [a, b] = await openPair()
    b.flow?.pause()
    void a.send(numbered(1))
    await b.close()

    await expect(a.closed).resolves.toBeUndefined()
  })
})
