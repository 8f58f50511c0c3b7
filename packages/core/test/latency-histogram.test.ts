import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLatencyHistogram } from '../src/authoring.js'

const MAX_RELATIVE_ERROR = 0.02

function exactQuantile(sorted: number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] as number
}

describe('createLatencyHistogram', () => {
  it('has no quantiles without durations', () => {
    const nothing = { count: 0, p50: undefined, p90: undefined, p99: undefined, max: undefined }
    expect(createLatencyHistogram().summary()).toEqual(nothing)
  })

  it('is within 2 % of the exact quantiles for any durations', () => {
    const durations = fc.array(fc.double({ min: 0.001, max: 1_000_000_000, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(durations, (recorded) => {
        const histogram = createLatencyHistogram()
        for (const ms of recorded) histogram.record(ms)
        const sorted = recorded.toSorted((a, b) => a - b)
        const { count, max, p50, p90, p99 } = histogram.summary()
        expect(count).toBe(recorded.length)
        expect(max).toBe(sorted.at(-1))
        for (const [share, summary] of [
          [0.5, p50],
          [0.9, p90],
          [0.99, p99],
        ] as const) {
          const exact = exactQuantile(sorted, share)
          expect(Math.abs((summary as number) - exact)).toBeLessThanOrEqual(exact * MAX_RELATIVE_ERROR)
        }
      }),
    )
  })

  it('keeps its precision just below each power of two', () => {
    for (let octave = 1; octave < 40; octave++) {
      const ms = (2 ** octave * (1 - Number.EPSILON)) / 1_000
      const histogram = createLatencyHistogram()
      histogram.record(ms)
      histogram.record(ms * 1_000)
      expect(Math.abs((histogram.summary().p50 as number) / ms - 1)).toBeLessThanOrEqual(MAX_RELATIVE_ERROR)
    }
  })

  it('accepts durations outside its range', () => {
    const histogram = createLatencyHistogram()
    for (const ms of [0, -1, Number.NaN, Number.MAX_VALUE]) histogram.record(ms)
    expect(histogram.summary()).toMatchObject({ count: 4, max: Number.MAX_VALUE })
  })
})
