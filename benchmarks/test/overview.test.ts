import { expect, test } from 'vitest'
import { overviewOf, throughputByWire } from '../src/harness/overview.js'
import { committedResults } from '../src/harness/results.js'

test('compares every wire with the faster SDK and marks wires without one', () => {
  const wires = throughputByWire(committedResults())
  expect(wires.map(({ label }) => label)).toContain('stdio')
  const withSdk = wires.filter(({ sdk }) => sdk !== undefined)
  expect(withSdk.length).toBeGreaterThan(0)
  const image = overviewOf(wires)
  for (const { label } of wires) expect(image).toContain(label)
  expect(image.match(/the SDK has no server for it/g)).toHaveLength(wires.length - withSdk.length)
})

test('draws nothing for wires that were not measured', () => {
  expect(throughputByWire(new Map())).toEqual([])
})
