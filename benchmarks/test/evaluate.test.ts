import { describe, expect, it } from 'vitest'
import { evaluate, perRoundQuantity } from '../src/harness/evaluate.js'
import { type Target, targets } from '../src/harness/targets.js'
import { resultsFrom, resultsOfLoads } from './sample-results.js'

const twiceTheFloor: Target = {
  suite: 'sample',
  id: 'twice',
  claim: 'twice the floor',
  quantity: { kind: 'ratio', of: 'ours', to: 'floor', load: 'round-trips-64', metric: 'messagesPerSecond' },
  atLeast: 2,
}

describe('evaluate', () => {
  it('divides within each round, so that a drift of the machine cancels out', () => {
    const drifting = resultsFrom({ ours: [200, 400, 100], floor: [100, 200, 50] })
    expect(evaluate(twiceTheFloor, drifting)).toMatchObject({ value: { median: 2, q1: 2, q3: 2 }, met: true })
  })

  it('uses the median of the rounds', () => {
    const results = resultsFrom({ ours: [190, 190, 900], floor: [100, 100, 100] })
    expect(evaluate(twiceTheFloor, results).met).toBe(false)
  })

  it('compares with the best of several contestants', () => {
    const results = resultsFrom({ ours: [200], a: [50], b: [100] })
    const more = { ...twiceTheFloor.quantity, to: ['a', 'b'] } as const
    expect(perRoundQuantity(more, results)).toEqual([2])
    const less = { ...more, metric: 'p50Micros' } as const
    expect(perRoundQuantity(less, results)).toEqual([0.5])
  })

  it('skips rounds that lack a figure, and has no value without any', () => {
    expect(perRoundQuantity(twiceTheFloor.quantity, resultsFrom({ ours: [200, 200], floor: [100] }))).toEqual(
      [2],
    )
    expect(evaluate(twiceTheFloor, resultsFrom({ ours: [200] }))).toEqual({ target: twiceTheFloor })
    expect(evaluate(twiceTheFloor, undefined)).toEqual({ target: twiceTheFloor })
  })

  it('divides a difference by the number of its causes', () => {
    const results = resultsFrom({ ours: [500_000], 'layers-4': [250_000] })
    const quantity = {
      kind: 'difference',
      of: 'layers-4',
      minus: 'ours',
      per: 4,
      load: 'round-trips-64',
      metric: 'cpuMicrosPerMessage',
    } as const
    expect(perRoundQuantity(quantity, results)).toEqual([0.5])
  })

  it('fits the growth of a figure with the bytes', () => {
    const loads = [1000, 10_000].map((bytes) => ({ id: `${bytes}`, label: '', bytes }))
    const results = resultsOfLoads(loads, { '1000': { ours: [1000] }, '10000': { ours: [100] } })
    const quantity = {
      kind: 'exponent',
      of: 'ours',
      loads: ['1000', '10000'],
      metric: 'microsPerMessage',
    } as const
    expect(perRoundQuantity(quantity, results)[0]).toBeCloseTo(1)
  })
})

describe('targets', () => {
  it('have a unique id within their suite, and a limit', () => {
    const names = targets.map(({ suite, id }) => `${suite}: ${id}`)
    expect(new Set(names).size).toBe(names.length)
    expect(targets.filter(({ atLeast, atMost }) => atLeast === undefined && atMost === undefined)).toEqual([])
  })
})
