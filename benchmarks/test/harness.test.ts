import { memoryPair } from '@mcpwire/core'
import { describe, expect, it } from 'vitest'
import { exchangeDriver, oneWay, respond, roundTrips } from '../src/harness/exchange.js'
import { merged } from '../src/harness/figures.js'
import { type FramingLoad, framingInput } from '../src/harness/framing-input.js'
import { notificationOf, requestOf, responseTo } from '../src/harness/messages.js'
import { summaryOf } from '../src/harness/results.js'
import { rotated } from '../src/harness/rounds.js'
import { figuresOf, resultsFrom } from './sample-results.js'

describe('messages', () => {
  it('have the sizes that the method documents', () => {
    const bytes = (message: unknown) => JSON.stringify(message).length
    expect(Math.abs(bytes(requestOf(123_456)) - 200)).toBeLessThan(15)
    expect(Math.abs(bytes(requestOf(123_456, 2000)) - 2000)).toBeLessThan(25)
    expect(Math.abs(bytes(responseTo(123_456)) - 150)).toBeLessThan(15)
    expect(Math.abs(bytes(notificationOf(50)) - 150)).toBeLessThan(15)
  })
})

describe('framingInput', () => {
  const load = (more: Partial<FramingLoad>): FramingLoad => {
    return { id: '', label: '', shape: 'text', bytes: 2000, chunkBytes: 16_384, ...more }
  }

  it('cuts the same lines into chunks of any size', () => {
    for (const chunkBytes of [65_536, 16_384, 'random'] as const) {
      const { whole, chunks, messages } = framingInput(load({ chunkBytes }))
      expect(Buffer.concat(chunks).equals(whole)).toBe(true)
      expect(whole.toString().trimEnd().split('\n')).toHaveLength(messages)
    }
  })

  it('makes messages of about that many bytes in every shape', () => {
    for (const shape of ['text', 'utf8', 'rows'] as const) {
      const { whole, messages } = framingInput(load({ shape, bytes: 1e6 }))
      expect(whole.length / messages / 1e6).toBeCloseTo(1, 1)
    }
  })
})

describe('rotated', () => {
  it('starts with another item each time', () => {
    expect(rotated(['a', 'b', 'c'], 0)).toEqual(['a', 'b', 'c'])
    expect(rotated(['a', 'b', 'c'], 4)).toEqual(['b', 'c', 'a'])
    expect(rotated([], 3)).toEqual([])
  })
})

describe('summaryOf', () => {
  it('has median and quartiles of every figure', () => {
    const { rounds } = resultsFrom({ ours: [1, 2, 3] })
    expect(summaryOf(rounds)['round-trips-64']?.['ours']?.messagesPerSecond).toEqual({
      median: 2,
      q1: 1.5,
      q3: 2.5,
    })
  })
})

describe('merged', () => {
  it('has the medians of the slices, and the sum of their messages', () => {
    const part = (messages: number, p50Micros: number) => {
      return { ...figuresOf(messages), p50Micros }
    }
    expect(merged([part(10, 3), part(20, 900), part(30, 1)])).toMatchObject({ messages: 60, p50Micros: 3 })
  })
})

describe('exchangeDriver', () => {
  it('counts and times both messages of a round trip', async () => {
    const [near, far] = memoryPair()
    const [driver] = await Promise.all([exchangeDriver(near), respond(far)])
    const counts = await driver.run(roundTrips(4), 5)
    expect(counts.messages % 2).toBe(0)
    expect(counts.latencies?.length).toBeGreaterThan(0)
    await driver.close()
  })

  it('counts every message of a burst and its response', async () => {
    const [near, far] = memoryPair()
    const [driver] = await Promise.all([exchangeDriver(near), respond(far)])
    const counts = await driver.run(oneWay(8), 5)
    expect(counts.messages % 9).toBe(0)
    await driver.close()
  })

  it('fails when a response is duplicated or invented', async () => {
    const [near, far] = memoryPair()
    far.onmessage = (message) => {
      if (!('id' in message) || message.id === undefined) return
      void far.send(responseTo(message.id))
      void far.send(responseTo(message.id))
    }
    const [driver] = await Promise.all([exchangeDriver(near), far.start()])
    await expect(driver.run(roundTrips(2), 1000)).rejects.toThrow('not in flight')
    await driver.close()
  })

  it('fails when the other end closes early', async () => {
    const [near, far] = memoryPair()
    const [driver] = await Promise.all([exchangeDriver(near), far.start()])
    const run = driver.run(roundTrips(1), 1000)
    await far.close()
    await expect(run).rejects.toThrow('closed')
  })
})
