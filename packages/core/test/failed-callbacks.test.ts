import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import { type JsonRpcMessage, memoryPair, type Transport } from '../src/index.js'
import { foreignPromise } from './support/channels.js'

const error = new Error('secret detail')

interface Opened {
  readonly far: Transport
  readonly near: Transport
  readonly errors: unknown[]
  readonly received: JsonRpcMessage[]
}

async function opened(): Promise<Opened> {
  const [near, far] = memoryPair()
  const errors: unknown[] = []
  const received: JsonRpcMessage[] = []
  far.onerror = (each) => errors.push(each)
  near.onmessage = (message) => received.push(message)
  await Promise.all([near.start(), far.start()])
  return { near, far, errors, received }
}

const response = (id: number | string): JsonRpcMessage => ({ jsonrpc: '2.0', id, result: {} })
type Callback = (far: Transport, message: JsonRpcMessage) => unknown

const throwing: readonly (readonly [what: string, callback: Callback])[] = [
  [
    'throws',
    () => {
      throw error
    },
  ],
  [
    'rejects',
    async () => {
      throw error
    },
  ],
  [
    'rejects later',
    async () => {
      await settled()
      throw error
    },
  ],
  ['returns a foreign promise that rejects', () => foreignPromise((_resolve, reject) => reject(error))],
  [
    'answers another request first',
    (far) => {
      void far.send(response('other'))
      throw error
    },
  ],
]

const answered: readonly (readonly [what: string, callback: Callback, errorCount: number])[] = [
  [
    'throws after its response',
    (far) => {
      void far.send(response(7))
      throw error
    },
    1,
  ],
  [
    'rejects after its response',
    async (far) => {
      await far.send(response(7))
      throw error
    },
    1,
  ],
  [
    'rejects after a late response',
    async (far) => {
      await settled()
      await far.send(response(7))
      throw error
    },
    1,
  ],
  ['responds', (far) => void far.send(response(7)), 0],
]

describe('a request whose onmessage', () => {
  it.each(throwing)('%s is answered with −32603 once, without the reason', async (_what, callback) => {
    const { near, far, errors, received } = await opened()
    far.onmessage = ((message: JsonRpcMessage) => callback(far, message)) as typeof far.onmessage
    await near.send({ jsonrpc: '2.0', id: 7, method: 'x' })
    await settled()
    await settled()
    const own = received.filter((message) => 'id' in message && message.id === 7)
    expect(own).toMatchObject([
      { id: 7, error: { code: -32_603, data: { code: 'CALLBACK_FAILED', delivery: 'unknown' } } },
    ])
    expect(JSON.stringify(own)).not.toContain('secret')
    expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED' }])
  })

  it.each(answered)('%s has that response only', async (_what, callback, errorCount) => {
    const { near, far, errors, received } = await opened()
    far.onmessage = ((message: JsonRpcMessage) => callback(far, message)) as typeof far.onmessage
    await near.send({ jsonrpc: '2.0', id: 7, method: 'x' })
    await settled()
    await settled()
    expect(received).toEqual([response(7)])
    expect(errors).toHaveLength(errorCount)
  })

  it('rejects after it was cancelled gets no response', async () => {
    const { near, far, errors, received } = await opened()
    let reject = (): void => {}
    far.onmessage = ((message: JsonRpcMessage) =>
      'id' in message &&
      new Promise((_resolve, no) => {
        reject = () => no(error)
      })) as typeof far.onmessage
    await near.send({ jsonrpc: '2.0', id: 7, method: 'x' })
    await near.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } })
    await settled()
    reject()
    await settled()
    expect(received).toEqual([])
    expect(errors).toHaveLength(1)
  })
})

it.each([
  ['notification', { jsonrpc: '2.0', method: 'x' }],
  ['response', response(7)],
] as const)('a %s whose onmessage throws is reported and not answered', async (_what, message) => {
  const { near, far, errors, received } = await opened()
  far.onmessage = () => {
    throw error
  }
  await near.send(message)
  await settled()
  expect(received).toEqual([])
  expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED' }])
})
