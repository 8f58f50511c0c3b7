import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SmallIdSet } from '../src/messages/small-id-set.js'

/** Ids that share slots, and ids of every kind. */
const id = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.constantFrom(-1, -64, 2 ** 30, 2 ** 30 + 1, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, '', '0', '1'),
)

it('behaves like a Set for any sequence of calls', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('add', 'delete', 'has'), id), { maxLength: 300 }),
      (calls) => {
        const small = new SmallIdSet()
        const model = new Set<string | number>()
        for (const [call, each] of calls) {
          if (call === 'add') {
            small.add(each)
            model.add(each)
          } else expect(small[call](each)).toBe(model[call](each))
          expect(small.size).toBe(model.size)
          expect(small.isEmpty).toBe(model.size === 0)
        }
        small.clear()
        expect(small.isEmpty).toBe(true)
      },
    ),
  )
})

it('removes one id of a large set with deleteOldest', () => {
  const ids = new SmallIdSet()
  for (let each = 0; each < 5_000; each++) ids.add(each)
  ids.deleteOldest()
  expect(ids.size).toBe(4_999)
  expect(ids.has(4_999)).toBe(true)
})

it('keeps a window of counted ids that grows and shrinks', () => {
  const ids = new SmallIdSet()
  for (let last = 0; last < 3_000; last++) ids.add(last)
  for (let first = 0; first < 3_000; first++) {
    expect(ids.delete(first)).toBe(true)
    ids.add(first + 3_000)
  }
  expect(ids.size).toBe(3_000)
  expect({ old: ids.has(2_999), first: ids.has(3_000), last: ids.has(5_999) }).toEqual({
    old: false,
    first: true,
    last: true,
  })
})
