import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import { Burst } from '../src/authoring.js'

function recorded(report?: (count: number, burst: Burst) => void) {
  const clock = fakeClock()
  const counts: number[] = []
  const burst: Burst = new Burst(clock, (count) => {
    counts.push(count)
    report?.(count, burst)
  })
  const add = (events: number): void => {
    for (let event = 0; event < events; event++) burst.add()
  }
  return { clock, counts, burst, add }
}

describe('a burst of events', () => {
  it('reports the first event at once', () => {
    const { counts, add } = recorded()

    add(1)

    expect(counts).toEqual([1])
  })

  it('reports the further events of a second together, at its end', async () => {
    const { clock, counts, add } = recorded()
    add(8)
    await clock.advance(999)
    expect(counts).toEqual([1])

    await clock.advance(1)

    expect(counts).toEqual([1, 7])
  })

  it('reports once a second while events go on', async () => {
    const { clock, counts, add } = recorded()
    for (let second = 0; second < 4; second++) {
      add(10)
      await clock.advance(1_000)
    }

    expect(counts).toEqual([1, 9, 10, 10, 10])
  })

  it('reports an event after a quiet second at once again, and keeps no timer', async () => {
    const { clock, counts, add } = recorded()
    add(1)
    await clock.advance(1_000)
    expect(clock.pending).toBe(0)

    add(1)

    expect(counts).toEqual([1, 1])
  })

  it('reports the rest and keeps no timer when it stops', () => {
    const { clock, counts, add, burst } = recorded()
    add(5)

    burst.stop()
    burst.stop()

    expect(counts).toEqual([1, 4])
    expect(clock.pending).toBe(0)
  })

  it('reports nothing when it stops without events', () => {
    const { counts, burst } = recorded()

    burst.stop()

    expect(counts).toEqual([])
  })

  it('keeps one timer when a report adds events', async () => {
    const { clock, counts, add } = recorded((_count, burst) => burst.add())
    add(3)
    await clock.advance(1_000)
    expect(clock.pending).toBe(1)
    await clock.advance(1_000)

    expect(counts).toEqual([1, 3, 1])
    expect(clock.pending).toBe(1)
  })

  it('goes on when a report throws', async () => {
    const { clock, counts, add } = recorded(() => {
      throw new Error('from the report')
    })
    add(3)
    await clock.advance(1_000)
    add(2)
    await clock.advance(1_000)

    expect(counts).toEqual([1, 2, 2])
  })
})
