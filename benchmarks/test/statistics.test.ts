import { describe, expect, it } from 'vitest'
import { exponentOf, iqrOf, quantile, spreadOf } from '../src/harness/statistics.js'

describe('quantile', () => {
  it('interpolates between neighbouring values', () => {
    expect(quantile([10, 20], 0.5)).toBe(15)
    expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2)
    expect(quantile(Float64Array.of(1, 2, 3), 1)).toBe(3)
  })

  it('is NaN without values', () => {
    expect(quantile([], 0.5)).toBeNaN()
  })
})

describe('spreadOf', () => {
  it('accepts values in any order and does not sort them in place', () => {
    const values = [5, 1, 4, 2, 3]
    expect(spreadOf(values)).toEqual({ median: 3, q1: 2, q3: 4 })
    expect(values).toEqual([5, 1, 4, 2, 3])
  })

  it('is stable against one outlier', () => {
    expect(spreadOf([10, 10, 10, 10, 1000]).median).toBe(10)
    expect(iqrOf(spreadOf([10, 10, 10, 10, 1000]))).toBe(0)
  })
})

describe('exponentOf', () => {
  it('is 1 for linear and 2 for quadratic growth', () => {
    expect(exponentOf([1, 10, 40].map((x) => [x, 3 * x]))).toBeCloseTo(1)
    expect(exponentOf([1, 10, 40].map((x) => [x, 3 * x * x]))).toBeCloseTo(2)
  })

  it('is NaN for one point', () => {
    expect(exponentOf([[1, 1]])).toBeNaN()
  })
})
