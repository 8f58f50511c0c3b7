import { describe, expect, it } from 'vitest'
import { createByteBudget, isTransportError, type TransportError } from '../src/index.js'
import { LIMIT, openHolder, testBudget } from './support/budgets.js'

describe('the errors of a budget', () => {
  it('ends a holder with OVERLOADED, the total and the option', () => {
    const { holder } = testBudget()
    const a = holder('a')

    a.account.hold(LIMIT + 76)

    expect(isTransportError(a.errors[0], 'OVERLOADED')).toBe(true)
    expect(a.errors[0]?.details).toMatchObject({
      queuedBytes: 1_100,
      maxQueuedBytes: LIMIT,
      option: 'maxTotalBytes',
    })
  })

  it('reports a burst twice: the first holder at once, and the number of the others', async () => {
    const { clock, holder, reports } = testBudget()
    for (let ended = 0; ended < 5; ended++) holder(`${ended}`).account.hold(LIMIT + 1)
    expect(reports).toHaveLength(1)

    await clock.advance(1_000)

    expect(reports.map(({ message }) => /^\d+ connections? or requests? /.exec(message)?.[0])).toEqual([
      '1 connection or request ',
      '4 connections or requests ',
    ])
    expect(clock.pending).toBe(1)
    await clock.advance(1_000)
    expect(clock.pending).toBe(0)
  })

  it('goes on when the report throws', () => {
    const failing = (): never => {
      throw new Error('from the report')
    }
    const budget = createByteBudget({ maxTotalBytes: LIMIT }, failing)
    const shed: string[] = []

    openHolder(budget, 'a', shed).account.hold(LIMIT + 1)

    expect(shed).toEqual(['a'])
    expect(budget.heldBytes).toBe(0)
  })

  it('ends holders while the report holds bytes', () => {
    const shed: string[] = []
    const report = (): void => openHolder(budget, 'in the report', shed).account.hold(100)
    const budget = createByteBudget({ maxTotalBytes: LIMIT }, report)

    openHolder(budget, 'a', shed).account.hold(LIMIT + 1)

    expect(shed).toEqual(['a'])
    expect(budget.heldBytes).toBe(100)
  })
})

it.each([[0], [1_023], [-1], [1_024.5], [Number.NaN], ['256 MB'], [null]])(
  'rejects a total of %s',
  (maxTotalBytes) => {
    let thrown: unknown
    try {
      createByteBudget({ maxTotalBytes: maxTotalBytes as number })
    } catch (error) {
      thrown = error
    }

    expect((thrown as TransportError).details).toMatchObject({ option: 'maxTotalBytes' })
  },
)
