import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { against, builtCheckout } from '../src/harness/against.js'
import { changesWithin } from '../src/harness/comparison.js'
import type { Suite } from '../src/harness/suite.js'
import { resultsFrom } from './sample-results.js'

const open = () => Promise.reject(new Error('not opened'))
const suite: Suite = {
  name: 'sample',
  question: 'How many per second?',
  reference: 'floor',
  loads: [],
  contestants: [
    { id: 'floor', label: 'the floor', open },
    { id: 'ours', label: 'our own', isOurs: true, open },
  ],
}

describe('against', () => {
  it('adds a contestant of the other checkout before each of ours', () => {
    expect(against(suite, '/other').contestants).toEqual([
      { id: 'floor', label: 'the floor', open },
      {
        id: 'ours-before',
        label: 'before: our own',
        isOurs: true,
        open,
        worker: '/other/benchmarks/dist/harness/worker.js',
        idInWorker: 'ours',
      },
      { id: 'ours', label: 'our own', isOurs: true, open },
    ])
  })

  it('refuses a checkout that is not built', () => {
    const folder = fileURLToPath(new URL('.', import.meta.url))
    expect(() => builtCheckout(folder)).toThrow('has no built benchmarks')
  })
})

describe('changesWithin', () => {
  const rateOf = (before: readonly number[], after: readonly number[]) =>
    changesWithin(resultsFrom({ floor: [1, 1, 1], 'ours-before': before, ours: after })).find(
      ({ metric }) => metric === 'messagesPerSecond',
    )

  it('compares both builds round by round, so that a drift of the machine cancels out', () => {
    expect(rateOf([100, 50, 25], [90, 45, 22.5])).toMatchObject({
      contestant: 'ours',
      basis: 'round',
      verdict: 'worse',
    })
    expect(rateOf([100, 50, 25], [90, 45, 22.5])?.change).toBeCloseTo(-0.1)
  })

  it('reports a change within the spread of the rounds as none', () => {
    expect(rateOf([100, 100, 100], [90, 104, 112])?.verdict).toBe('same')
  })

  it('reports nothing where one checkout was measured alone', () => {
    expect(changesWithin(resultsFrom({ floor: [1], ours: [2] }))).toEqual([])
  })
})
