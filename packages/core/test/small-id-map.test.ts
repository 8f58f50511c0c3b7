import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SmallIdMap } from '../src/messages/small-id-map.js'

/** Ids that share slots, and ids of every kind. */
const id = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.constantFrom(-1, -64, 2 ** 30, 2 ** 30 + 1, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, '', '0', '1'),
)

it('behaves like a Map for any sequence of calls', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('add', 'delete', 'has'), id), { maxLength: 300 }),
      (calls) => {
        const small = new SmallIdMap<string>()
        const model = new Map<string | number, string>()
        for (const [call, each] of calls) {
          if (call === 'add') {
            small.add(each, `value of ${each}`)
            if (!model.has(each)) model.set(each, `value of ${each}`)
          } else expect(small[call](each)).toBe(model[call](each))
          expect(small.size).toBe(model.size)
          expect(small.isEmpty).toBe(model.size === 0)
          expect(new Map(small.entries())).toEqual(model)
        }
        small.clear()
        expect(small.isEmpty).toBe(true)
      },
    ),
  )
})

it('removes one id of a large set with deleteOldest', () => {
  const ids = new SmallIdMap()
  for (let each = 0; each < 5_000; each++) ids.add(each, undefined)
  ids.deleteOldest()
  expect(ids.size).toBe(4_999)
  expect(ids.has(4_999)).toBe(true)
})

it('keeps a window of counted ids that grows and shrinks', () => {
  const ids = new SmallIdMap()
  for (let last = 0; last < 3_000; last++) ids.add(last, undefined)
  for (let first = 0; first < 3_000; first++) {
    expect(ids.delete(first)).toBe(true)
    ids.add(first + 3_000, undefined)
  }
  expect(ids.size).toBe(3_000)
  expect({ old: ids.has(2_999), first: ids.has(3_000), last: ids.has(5_999) }).toEqual({
    old: false,
    first: true,
    last: true,
  })
})
