import { describe, expect, it } from 'vitest'
import { chartOf } from '../src/harness/chart.js'
import { fillBlocks, suiteSection, targetsTable } from '../src/harness/document.js'
import { compact } from '../src/harness/format.js'
import { targets } from '../src/harness/targets.js'
import { resultsFrom } from './sample-results.js'

const results = resultsFrom({ floor: [100_000, 200_000, 300_000], ours: [90_000, 180_000, 270_000] })

describe('fillBlocks', () => {
  it('replaces only the text between the markers', () => {
    const page = 'a\n<!-- results -->\nold\n<!-- /results -->\nb'
    expect(fillBlocks(page, { results: 'costs $1 & $&' })).toBe(
      'a\n<!-- results -->\ncosts $1 & $&\n<!-- /results -->\nb',
    )
  })

  it('fills empty markers, and changes nothing the second time', () => {
    const once = fillBlocks('<!-- x -->\n<!-- /x -->', { x: 'y' })
    expect(fillBlocks(once, { x: 'y' })).toBe(once)
  })

  it('throws for a text without markers', () => {
    expect(() => fillBlocks('nothing', { results: '' })).toThrow('<!-- results -->')
  })
})

describe('suiteSection', () => {
  const section = suiteSection(results, 'chart.svg')

  it('shows medians, their spread and the ratio per round', () => {
    expect(section).toMatch(/\| the ours +\| 180 k ± 25 % \|/)
    expect(section).toMatch(/\| the ours .*\| +0\.90 \|/)
  })

  it('names the machine and the versions', () => {
    expect(section).toContain('2026-11-23 at 0123456: Node v20.20.2, A <processor>, 2 cores, 16 GiB')
    expect(section).toContain('@modelcontextprotocol/sdk 1.32.2')
    expect(suiteSection({ ...results, dirty: true }, '')).toContain('0123456 with local changes')
  })
})

describe('targetsTable', () => {
  it('has a row for each target, measured or not, and for each soak', () => {
    const table = targetsTable(targets, new Map(), [])
    expect(table.split('\n')).toHaveLength(targets.length + 2)
    expect(table).toContain('not measured')
  })
})

describe('chartOf', () => {
  it('draws a bar for every contestant that was measured', () => {
    const chart = chartOf({
      ...results,
      contestants: [...results.contestants, { id: 'absent', label: 'absent' }],
    })
    expect(chart.match(/<path /g)).toHaveLength(2)
    expect(chart).toContain('>180 k</text>')
    expect(chart).not.toContain('absent')
  })

  it('escapes labels in SVG', () => {
    const chart = chartOf({ ...results, contestants: [{ id: 'ours', label: 'a < b & c' }] })
    expect(chart).toContain('a &lt; b &amp; c')
  })
})

describe('compact', () => {
  it('keeps three significant digits', () => {
    expect([0.1234, 4.712, 47.12, 471.2, 4712, 47_120, 4_712_000].map(compact)).toEqual([
      '0.12',
      '4.71',
      '47.1',
      '471',
      '4712',
      '47.1 k',
      '4.71 M',
    ])
  })
})
