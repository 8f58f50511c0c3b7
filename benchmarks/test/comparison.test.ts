import { describe, expect, it } from 'vitest'
import { changesBetween } from '../src/harness/comparison.js'
import { changesText } from '../src/harness/tables.js'
import { type Rates, resultsFrom } from './sample-results.js'

function rateOf(contestant: string, before: Rates, after: Rates) {
  return changesBetween(resultsFrom(before), resultsFrom(after)).find(
    (change) => change.contestant === contestant && change.metric === 'messagesPerSecond',
  )
}

describe('changesBetween', () => {
  it('compares by the ratio to the reference, which a slower machine does not change', () => {
    const change = rateOf('ours', { ours: [90, 92], floor: [100, 100] }, { ours: [45, 46], floor: [50, 50] })
    expect(change).toMatchObject({ basis: 'ratio', change: 0, verdict: 'same' })
  })

  it('compares the reference by absolute figures', () => {
    const change = rateOf('floor', { floor: [100, 100] }, { floor: [50, 50] })
    expect(change).toMatchObject({ basis: 'absolute', change: -0.5, verdict: 'worse' })
  })

  it('reports a change within the spread of both runs as none', () => {
    const floor = [100, 100, 100]
    const change = rateOf('ours', { ours: [80, 100, 120], floor }, { ours: [90, 110, 130], floor })
    expect(change?.verdict).toBe('same')
  })

  it('reports less than 3 % as none, even without spread', () => {
    const floor = [100, 100]
    expect(rateOf('ours', { ours: [100, 100], floor }, { ours: [102, 102], floor })?.verdict).toBe('same')
  })

  it('reports more messages and less time as better', () => {
    const floor = [100, 100]
    const before = resultsFrom({ ours: [100, 100], floor })
    const changes = changesBetween(before, resultsFrom({ ours: [150, 150], floor }))
    const verdicts = changes.filter(({ contestant }) => contestant === 'ours').map(({ verdict }) => verdict)
    expect(verdicts).toEqual(['better', 'better', 'better', 'better'])
  })

  it('throws for two different suites', () => {
    const other = resultsFrom({ floor: [1] }, { suite: 'other' })
    expect(() => changesBetween(resultsFrom({ floor: [1] }), other)).toThrow('different suites')
  })
})

describe('changesText', () => {
  it('shows significant changes and counts the others', () => {
    const floor = [100, 100]
    const changes = changesBetween(
      resultsFrom({ ours: [100, 100], floor }),
      resultsFrom({ ours: [50, 50], floor }),
    )
    const text = changesText(changes, false)
    expect(text).toContain('−50.0 %')
    expect(text).toContain('4 of 8 figures changed by more than their spread')
    expect(text).not.toContain('same')
    expect(changesText(changes, true)).toContain('same')
  })
})
