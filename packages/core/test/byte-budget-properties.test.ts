import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LIMIT, type TestHolder, testBudget } from './support/budgets.js'

/** One event. The numbers select a holder and its bytes. */
interface Event {
  readonly holder: number
  readonly bytes: number
  readonly passMs: number
}

/** How a holder reacts when it must release bytes. */
const REACTIONS = [
  'releases all',
  'releases a part',
  'throws',
  'does nothing',
  'makes others hold more',
] as const
type Reaction = (typeof REACTIONS)[number]

const events = fc.array(
  fc.record({
    holder: fc.nat(9),
    bytes: fc.oneof(fc.nat(LIMIT * 2), fc.nat(50), fc.constant(0)),
    passMs: fc.nat(5_000),
  }),
  { maxLength: 80 },
)

const holders = fc.array(fc.record({ isCache: fc.boolean(), reaction: fc.constantFrom(...REACTIONS) }), {
  minLength: 10,
  maxLength: 10,
})

function openHolders(
  kinds: readonly { readonly isCache: boolean; readonly reaction: Reaction }[],
  made: ReturnType<typeof testBudget>,
): TestHolder[] {
  const all: TestHolder[] = []
  for (const [index, { isCache, reaction }] of kinds.entries()) {
    const each: TestHolder = made.holder(`${index}`, {
      isCache,
      shed: (_error, excessBytes) => {
        const { account } = each
        const rest = Math.max(account.heldBytes - excessBytes, 0)
        if (reaction === 'throws') throw new Error('from the holder')
        if (reaction === 'releases all') account.hold(0)
        if (reaction === 'releases a part') account.hold(Math.ceil(rest / 2))
        if (reaction === 'makes others hold more') {
          account.hold(0)
          const next = all[(index + 1) % all.length]?.account
          next?.hold(next.heldBytes + 10)
        }
      },
    })
    all.push(each)
  }
  return all
}

it('keeps the total equal to the sum of the accounts, whatever holders do', async () => {
  await fc.assert(
    fc.asyncProperty(holders, events, async (kinds, steps) => {
      const made = testBudget()
      const all = openHolders(kinds, made)
      for (const { holder, bytes, passMs } of steps as Event[]) {
        await made.clock.advance(passMs)
        all[holder]?.account.hold(bytes)
        const sum = all.reduce((total, { account }) => total + account.heldBytes, 0)
        expect(made.budget.heldBytes).toBe(sum)
      }
    }),
  )
})

it('holds at most the limit after hold(), where each holder ends what it holds', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
      events,
      async (caches, steps) => {
        const made = testBudget()
        const kinds = caches.map((isCache) => ({ isCache, reaction: 'releases all' as const }))
        const all = openHolders(kinds, made)
        for (const { holder, bytes, passMs } of steps as Event[]) {
          await made.clock.advance(passMs)
          all[holder]?.account.hold(bytes)
          expect(made.budget.heldBytes).toBeLessThanOrEqual(LIMIT)
        }
      },
    ),
  )
})

it('holds more than the limit after hold() only if it has asked each holder', async () => {
  await fc.assert(
    fc.asyncProperty(holders, events, async (kinds, steps) => {
      const made = testBudget()
      const all = openHolders(kinds, made)
      for (const { holder, bytes, passMs } of steps as Event[]) {
        await made.clock.advance(passMs)
        made.shed.length = 0
        const before = all[holder]?.account.heldBytes ?? 0
        all[holder]?.account.hold(bytes)
        if (bytes <= before || made.budget.heldBytes <= LIMIT) continue
        const unasked = all.filter(({ name, account }) => account.heldBytes > 0 && !made.shed.includes(name))
        expect(unasked.map(({ name }) => name)).toEqual([])
      }
    }),
  )
})

it('never ends a holder while one with more bytes has had them for as long or longer', async () => {
  const fresh = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: LIMIT }), passMs: fc.nat(5_000) }), {
    minLength: 2,
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(fresh, async (steps) => {
      const made = testBudget()
      const held = new Map<string, { bytes: number; since: number }>()
      for (const [index, { bytes, passMs }] of steps.entries()) {
        await made.clock.advance(passMs)
        made.shed.length = 0
        held.set(`${index}`, { bytes, since: made.clock.now() })
        made.holder(`${index}`).account.hold(bytes)
        for (const name of made.shed) {
          const ended = held.get(name)
          held.delete(name)
          const worse = [...held.values()].filter(
            (other) => ended && other.bytes > ended.bytes && other.since <= ended.since,
          )
          expect(worse).toEqual([])
        }
      }
    }),
  )
})

it('asks caches before it ends any other holder', async () => {
  await fc.assert(
    fc.asyncProperty(holders, events, async (kinds, steps) => {
      const made = testBudget()
      const all = openHolders(
        kinds.map(({ isCache }) => ({ isCache, reaction: 'releases all' as const })),
        made,
      )
      for (const { holder, bytes } of steps as Event[]) {
        made.shed.length = 0
        const caches = all.filter(({ account }, index) => kinds[index]?.isCache && account.heldBytes > 0)
        all[holder]?.account.hold(bytes)
        const firstOther = made.shed.findIndex((name) => !kinds[Number(name)]?.isCache)
        if (firstOther < 0) continue
        const asked = made.shed.slice(0, firstOther)
        for (const { name } of caches.filter((each) => each.name !== `${holder}`))
          expect(asked).toContain(name)
      }
    }),
  )
})
