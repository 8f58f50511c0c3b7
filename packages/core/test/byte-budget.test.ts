import { describe, expect, it } from 'vitest'
import { LIMIT, testBudget } from './support/budgets.js'

describe('the accounts of a budget', () => {
  it('adds up the bytes of all accounts', () => {
    const { budget, holder } = testBudget()
    const [a, b] = [holder('a'), holder('b')]

    a.account.hold(100)
    b.account.hold(200)
    a.account.hold(50)

    expect([a.account.heldBytes, b.account.heldBytes, budget.heldBytes]).toEqual([50, 200, 250])
  })

  it('holds nothing for a closed account, and ignores what it holds later', () => {
    const { budget, holder } = testBudget()
    const a = holder('a')
    a.account.hold(100)

    a.account.close()
    a.account.close()
    a.account.hold(LIMIT * 2)

    expect([a.account.heldBytes, budget.heldBytes]).toEqual([0, 0])
  })

  it.each([
    ['NaN', Number.NaN],
    ['a negative number', -5],
    ['minus infinity', -Infinity],
  ])('counts %s as no bytes, so that the total stays exact', (_name, bytes) => {
    const { budget, holder } = testBudget()
    const [a, b] = [holder('a'), holder('b')]
    b.account.hold(100)
    a.account.hold(50)

    a.account.hold(bytes)

    expect([a.account.heldBytes, budget.heldBytes]).toEqual([0, 100])
  })

  it('stays exact after an account held an infinite number of bytes', () => {
    const { budget, holder, shed } = testBudget()
    const [a, b] = [holder('a'), holder('b')]
    b.account.hold(100)

    a.account.hold(Infinity)

    expect(shed).toEqual(['a'])
    expect(budget.heldBytes).toBe(100)
  })

  it('ends no holder without a limit', () => {
    const { budget, holder, shed } = testBudget(Infinity)

    holder('a').account.hold(2 ** 45)

    expect(shed).toEqual([])
    expect(budget.heldBytes).toBe(2 ** 45)
  })

  it('lets exactly the limit be held', () => {
    const { holder, shed } = testBudget()
    const a = holder('a')

    a.account.hold(LIMIT)
    expect(shed).toEqual([])
    a.account.hold(LIMIT + 1)
    expect(shed).toEqual(['a'])
  })
})

describe('the choice of the holder that ends', () => {
  it('ends the holder with the most bytes', () => {
    const { holder, shed } = testBudget()
    holder('small').account.hold(100)
    holder('large').account.hold(800)

    holder('last').account.hold(200)

    expect(shed).toEqual(['large'])
  })

  it('ends the older of two equal holders', async () => {
    const { clock, holder, shed } = testBudget()
    holder('old').account.hold(500)
    await clock.advance(1_000)
    holder('fresh').account.hold(500)

    holder('last').account.hold(100)

    expect(shed).toEqual(['old'])
  })

  it('ends the holder that exceeds the limit alone', () => {
    const { holder, shed } = testBudget()
    holder('small').account.hold(100)

    holder('huge').account.hold(LIMIT * 4)

    expect(shed).toEqual(['huge'])
  })

  it('does not end small holders that have waited for long before a large one', async () => {
    const { clock, holder, shed } = testBudget()
    const waiting = Array.from({ length: 5 }, (_, index) => holder(`waiting ${index}`))
    for (const { account } of waiting) account.hold(20)
    await clock.advance(600_000)

    holder('large').account.hold(1_000)

    expect(shed).toEqual(['large'])
  })

  it('counts growth without release as no progress', async () => {
    const { clock, holder, shed } = testBudget()
    const slow = holder('slow')
    for (let bytes = 10; bytes <= 400; bytes += 10) {
      slow.account.hold(bytes)
      await clock.advance(1_000)
    }
    holder('fresh').account.hold(500)

    holder('last').account.hold(200)

    expect(shed).toEqual(['slow'])
  })

  it('does not take the release of single bytes for progress', async () => {
    const { clock, holder, shed } = testBudget()
    const slow = holder('slow')
    slow.account.hold(500)
    for (let released = 1; released <= 50; released++) {
      await clock.advance(1_000)
      slow.account.hold(500 - released)
    }
    const honest = holder('honest')
    honest.account.hold(500)
    await clock.advance(1_000)

    holder('last').account.hold(200)

    expect(shed).toEqual(['slow'])
  })

  it('begins again for a holder that has released all', async () => {
    const { clock, holder, shed } = testBudget()
    const busy = holder('busy')
    busy.account.hold(500)
    const stuck = holder('stuck')
    stuck.account.hold(450)
    await clock.advance(10_000)
    busy.account.hold(0)
    busy.account.hold(500)
    await clock.advance(10)

    holder('last').account.hold(100)

    expect(shed).toEqual(['stuck'])
  })

  it('ends as many holders as needed, and no more', () => {
    const { budget, holder, shed } = testBudget()
    for (const name of ['a', 'b', 'c', 'd']) holder(name).account.hold(250)

    holder('last').account.hold(270)

    expect(shed).toEqual(['last'])
    expect(budget.heldBytes).toBe(1_000)
    holder('larger').account.hold(900)
    expect(shed).toEqual(['last', 'larger'])
  })
})

describe('caches', () => {
  it('release bytes before any connection ends, as many as are needed', async () => {
    const { clock, holder, shed, reports } = testBudget()
    const stuck = holder('stuck')
    stuck.account.hold(900)
    await clock.advance(60_000)
    let released = 0
    const cache = holder('cache', {
      isCache: true,
      shed: (_error, excessBytes) => {
        released = excessBytes
        cache.account.hold(cache.account.heldBytes - excessBytes)
      },
    })
    cache.account.hold(100)

    holder('last').account.hold(60)

    expect(shed).toEqual(['cache'])
    expect([released, cache.account.heldBytes]).toEqual([36, 64])
    expect(reports).toEqual([])
  })

  it('release bytes one after the other, the largest first', () => {
    const { holder, shed } = testBudget()
    holder('small', { isCache: true }).account.hold(50)
    holder('large', { isCache: true }).account.hold(300)

    holder('last').account.hold(1_000)

    expect(shed).toEqual(['large', 'small'])
  })

  it.each([
    ['releases nothing', () => {}],
    [
      'throws',
      () => {
        throw new Error('from the cache')
      },
    ],
  ])('stay counted when one %s, and a connection ends', (_name, shedding) => {
    const { budget, holder, shed } = testBudget()
    holder('cache', { isCache: true, shed: shedding }).account.hold(600)
    holder('connection').account.hold(400)

    holder('last').account.hold(100)

    expect(shed).toEqual(['cache', 'connection'])
    expect(budget.heldBytes).toBe(700)
  })
})

describe('holders that do not release bytes', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('from the holder')
      },
    ],
    ['rejects', () => Promise.reject(new Error('from the holder'))],
    ['does nothing', () => {}],
  ])('ends only one holder when its shed() %s', (_name, shedding) => {
    const { budget, holder, shed } = testBudget()
    holder('stuck', { shed: shedding as () => void }).account.hold(900)

    holder('last').account.hold(200)

    expect(shed).toEqual(['stuck'])
    expect(budget.heldBytes).toBe(200)
  })

  it('counts a holder again when it goes on to hold bytes', () => {
    const { budget, holder, shed } = testBudget()
    const stuck = holder('stuck', { shed: () => {} })
    stuck.account.hold(900)
    holder('other').account.hold(200)
    expect(shed).toEqual(['stuck'])

    stuck.account.hold(950)

    expect(shed).toEqual(['stuck', 'stuck'])
    expect(budget.heldBytes).toBe(200)
  })

  it('asks a holder once for each excess, also when it releases single bytes', () => {
    const { holder, shed } = testBudget()
    const slow = holder('slow', { shed: () => slow.account.hold(slow.account.heldBytes - 1) })
    slow.account.hold(900)

    holder('last').account.hold(200)

    expect(shed).toEqual(['slow', 'last'])
  })

  it('returns when holders pass their bytes to each other', () => {
    const { budget, holder, shed } = testBudget()
    const a = holder('a', {
      shed: () => {
        a.account.hold(0)
        b.account.hold(900)
      },
    })
    const b = holder('b', {
      shed: () => {
        b.account.hold(0)
        a.account.hold(900)
      },
    })
    a.account.hold(900)

    holder('last').account.hold(200)

    expect(shed.length).toBeLessThanOrEqual(3)
    expect(budget.heldBytes).toBeLessThanOrEqual(900)
  })
})

describe('calls inside shed()', () => {
  it('ends a further holder when one holds more bytes meanwhile', () => {
    const { budget, holder, shed } = testBudget()
    const other = holder('other')
    const first = holder('first', {
      shed: () => {
        first.account.close()
        other.account.hold(LIMIT + 1)
      },
    })
    first.account.hold(900)

    holder('last').account.hold(200)

    expect(shed).toEqual(['first', 'other'])
    expect(budget.heldBytes).toBe(200)
  })

  it('ends no further holder when one closes other accounts', () => {
    const { budget, holder, shed } = testBudget()
    const [input, output] = [holder('input'), holder('output', { shed: () => both() })]
    const both = (): void => {
      for (const { account } of [input, output]) account.close()
    }
    input.account.hold(300)
    output.account.hold(700)

    holder('last').account.hold(500)

    expect(shed).toEqual(['output'])
    expect(budget.heldBytes).toBe(500)
  })

  it('opens accounts and asks for the total', () => {
    const { budget, holder } = testBudget()
    const seen: number[] = []
    const first = holder('first', {
      shed: () => {
        holder('opened').account.hold(10)
        first.account.close()
        seen.push(budget.heldBytes)
      },
    })
    first.account.hold(900)

    holder('last').account.hold(200)

    expect(seen).toEqual([210])
    expect(budget.heldBytes).toBe(210)
  })
})
