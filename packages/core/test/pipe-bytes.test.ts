import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it, vi } from 'vitest'
import { heldBytesOf } from '../src/authoring.js'
import { createByteBudget, type JsonRpcMessage, type JsonRpcRequest } from '../src/index.js'
import { request } from './support/messages.js'
import { notification, response, scriptedPipe, sentOn } from './support/pipes.js'

const MIB = 1_048_576
const large = (id: number, text = 'x'.repeat(MIB)): JsonRpcRequest => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { text },
})
const never = (): Promise<void> => new Promise(() => {})

/** A pipe whose `b` accepts nothing, and whose `a` has flow control or none. */
async function stuckPipe({ hasFlow, ...options }: { hasFlow: boolean } & Parameters<typeof scriptedPipe>[0]) {
  const pipeline = await scriptedPipe({ maxPendingSends: 1_000, ...options })
  const { a, b } = pipeline
  if (!hasFlow) Object.assign(a, { flow: undefined })
  b.answer = never
  return pipeline
}

const errorsOn = (messages: readonly JsonRpcMessage[]): unknown[] =>
  messages.map((message) => 'error' in message && [message.id, message.error.code, message.error.data])

describe('pipe: bytes', () => {
  it('pauses a sender when more than maxPendingBytes wait, and resumes it at half of them', async () => {
    const { a, b } = await stuckPipe({ hasFlow: true, maxPendingBytes: 5 * MIB })
    const takes: (() => void)[] = []
    b.answer = () => new Promise((resolve) => takes.push(resolve))
    a.onmessage?.(large(1))
    a.onmessage?.(large(2))
    expect(a.flowed).toEqual([])
    a.onmessage?.(large(3))
    expect(a.flowed).toEqual(['pause'])
    takes.shift()?.()
    await settled()
    expect(a.flowed).toEqual(['pause'])
    takes.shift()?.()
    await settled()
    expect(a.flowed).toEqual(['pause', 'resume'])
  })

  it('answers the requests of a sender without flow control beyond maxPendingBytes', async () => {
    const { a, b } = await stuckPipe({ hasFlow: false, maxPendingBytes: 5 * MIB })
    for (let id = 1; id <= 4; id++) a.onmessage?.(large(id))
    await settled()
    expect(sentOn(b)).toHaveLength(2)
    const data = { code: 'OVERLOADED', delivery: 'none' }
    expect(errorsOn(sentOn(a))).toEqual([
      [3, -31_003, data],
      [4, -31_003, data],
    ])
  })

  it('accepts one message that is larger than maxPendingBytes', async () => {
    const { a, b } = await stuckPipe({ hasFlow: false, maxPendingBytes: 1_000 })
    a.onmessage?.(large(1))
    expect(sentOn(b)).toHaveLength(1)
  })

  it('counts the messages before an end is open', async () => {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const { a, b } = await scriptedPipe({ maxPendingBytes: 5 * MIB })
    await settled()
    expect(a.flowed).toEqual([])
    b.answer = () => opened
    a.onmessage?.(large(1))
    a.onmessage?.(large(2))
    a.onmessage?.(large(3))
    expect(a.flowed).toEqual(['pause'])
    open()
    await settled()
    expect(a.flowed).toEqual(['pause', 'resume'])
  })

  it('counts what waits in the budget until it is accepted, in both directions', async () => {
    const budget = createByteBudget({ maxTotalBytes: 64 * MIB })
    const { a, b } = await scriptedPipe({ budget })
    const takes: (() => void)[] = []
    const later = (): Promise<void> => new Promise((resolve) => takes.push(resolve))
    a.answer = later
    b.answer = later
    a.onmessage?.(large(1))
    expect(budget.heldBytes).toBeGreaterThan(2 * MIB)
    b.onmessage?.(response(1, { text: 'x'.repeat(MIB) }))
    expect(budget.heldBytes).toBeGreaterThan(4 * MIB)
    for (const take of takes.splice(0)) take()
    await settled()
    expect(budget.heldBytes).toBe(0)
  })

  it('ends the conversation when the budget is exceeded by what the end has not accepted', async () => {
    const budget = createByteBudget({ maxTotalBytes: 8 * MIB })
    const { a, b, piped } = await stuckPipe({ hasFlow: true, budget })
    for (let id = 1; id <= 5; id++) a.onmessage?.(large(id))
    expect(await piped.closed).toMatchObject({ code: 'OVERLOADED' })
    expect(budget.heldBytes).toBe(0)
    expect(sentOn(b).length).toBeLessThan(5)
  })

  it('drops what waits when the budget is exceeded, answers its requests, and goes on', async () => {
    const budget = createByteBudget({ maxTotalBytes: 12 * MIB })
    const onError = vi.fn()
    const { a, b, piped } = await stuckPipe({ hasFlow: true, budget, onError })
    const full = Object.assign(new Error('full'), {})
    const takes: (() => void)[] = []
    let isFull = false
    b.send = () => {
      if (isFull) return Promise.reject(overloadedBy(full))
      isFull = true
      return new Promise((resolve) => takes.push(resolve))
    }
    a.onmessage?.(request(0))
    for (let id = 1; id <= 6; id++) {
      a.onmessage?.(large(id))
      await settled()
    }
    a.onmessage?.(notification('notifications/large', { text: 'x'.repeat(MIB) }))
    await settled()
    expect(errorsOn(sentOn(a))).toContainEqual([1, -31_003, { code: 'OVERLOADED', delivery: 'none' }])
    expect(budget.heldBytes).toBeLessThan(12 * MIB)
    expect(await Promise.race([piped.closed, Promise.resolve('open')])).toBe('open')
    isFull = false
    takes.shift()?.()
    await settled()
    await piped.close()
    expect(budget.heldBytes).toBe(0)
  })
})

function overloadedBy(cause: Error): Error {
  const budget = createByteBudget({ maxTotalBytes: 1_024 })
  let error: Error = cause
  const account = budget.open({
    shed: (reason) => {
      error = reason
    },
  })
  account.hold(2_000)
  return error
}

describe('the memory of a message', () => {
  it.each([
    ['a small request', { jsonrpc: '2.0', id: 1, method: 'ping' }, 4_096, 4_096],
    ['a text', large(1), 2 * MIB, 2.1 * MIB],
    ['empty lists', { x: JSON.parse(`[${'[],'.repeat(300_000)}[]]`) }, 12 * MIB, 32 * MIB],
    ['nested lists', { x: nested(400_000) }, 18 * MIB, 32 * MIB],
    ['numbers', { x: Array.from({ length: 500_000 }, (_, n) => n) }, 3 * MIB, 6 * MIB],
    [
      'many members',
      { x: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n])) },
      MIB,
      4 * MIB,
    ],
  ])('is about that of its objects and its text: %s', (_what, message, atLeast, atMost) => {
    const bytes = heldBytesOf(message)
    expect(bytes).toBeGreaterThanOrEqual(atLeast)
    expect(bytes).toBeLessThanOrEqual(atMost)
  })
})

function nested(depth: number): unknown {
  return JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
}
