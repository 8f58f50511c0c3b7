import { describe, expect, it } from 'vitest'
import { LIMIT, testBudget } from './support/budgets.js'

describe('holders that make progress', () => {
  it.each([
    { name: 'a larger new one', old: 50, oldBytes: 19, fresh: [72, 32] },
    { name: 'two larger new ones', old: 40, oldBytes: 20, fresh: [150, 150] },
    { name: 'one as large as three old ones', old: 9, oldBytes: 100, fresh: [300] },
  ])('are not ended for $name while others have waited for seconds', async ({ old, oldBytes, fresh }) => {
    const { clock, holder, shed } = testBudget()
    for (let at = 0; at < old; at++) holder(`old ${at}`).account.hold(oldBytes)
    await clock.advance(6_000)

    for (const [at, bytes] of fresh.entries()) holder(`fresh ${at}`).account.hold(bytes)

    const total = old * oldBytes + fresh.reduce((sum, bytes) => sum + bytes, 0)
    expect(total).toBeGreaterThan(LIMIT)
    expect(shed.length).toBeGreaterThan(0)
    expect(shed.filter((name) => name.startsWith('fresh'))).toEqual([])
  })

  it('does not protect a new holder with most of the bytes', async () => {
    const { clock, holder, shed } = testBudget()
    for (let at = 0; at < 50; at++) holder(`old ${at}`).account.hold(2)
    await clock.advance(6_000)

    holder('fresh').account.hold(LIMIT - 50)

    expect(shed).toEqual(['fresh'])
  })
})
