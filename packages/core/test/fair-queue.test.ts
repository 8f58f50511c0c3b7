import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FairQueue } from '../src/authoring.js'

interface Item {
  readonly caller: string
  readonly connection: string
  readonly number: number
}

function item(caller: string, number: number, connection = caller): Item {
  return { caller, connection, number }
}

function queueOf(items: readonly Item[], maxTaken = Infinity): FairQueue<Item> {
  const queue = new FairQueue<Item>(maxTaken)
  for (const each of items) queue.add(each.caller, each.connection, each)
  return queue
}

function taken(queue: FairQueue<Item>, count = Infinity): string[] {
  const names: string[] = []
  while (names.length < count) {
    const next = queue.next()
    if (!next) return names
    names.push(`${next.connection}${next.number}`)
  }
  return names
}

/** Items of one caller or connection, numbered from 1. */
function many(caller: string, count: number, connection = caller): Item[] {
  return Array.from({ length: count }, (_, at) => item(caller, at + 1, connection))
}

describe('the turns of a fair queue', () => {
  test('alternate between callers, whatever each has added before', () => {
    const queue = queueOf([...many('a', 1_000), ...many('b', 2), ...many('c', 1)])
    expect(taken(queue, 7)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
  })

  test('alternate between the connections of one caller', () => {
    const queue = queueOf([...many('a', 100, 'a:1:'), ...many('a', 2, 'a:2:'), ...many('b', 2)])
    expect(taken(queue, 7)).toEqual(['a:1:1', 'b1', 'a:1:2', 'b2', 'a:2:1', 'a:1:3', 'a:2:2'])
  })

  test('come early to a quiet connection of a caller with a flood on others', () => {
    const queue = queueOf(Array.from({ length: 800 }, (_, at) => many('a', 16, `a:${at}:`)).flat())
    taken(queue, 1_600)
    queue.add('a', 'quiet', item('a', 1, 'quiet'))
    expect(taken(queue, 2)).toContain('quiet1')
  })

  test('skip a caller whose items are not finished, until one is', () => {
    const queue = queueOf([...many('a', 3), ...many('b', 1)], 2)
    expect(taken(queue)).toEqual(['a1', 'b1', 'a2'])
    queue.done('b')
    expect(taken(queue)).toEqual([])
    queue.done('a')
    expect(taken(queue)).toEqual(['a3'])
    expect(queue.size).toBe(0)
  })

  test('of one caller need no waiting where nothing else waits', () => {
    const queue = queueOf([], 2)
    expect([queue.take('a'), queue.take('a'), queue.take('a'), queue.take('b')]).toEqual([
      true,
      true,
      false,
      true,
    ])
    queue.done('a')
    queue.add('b', 'b', item('b', 1))
    expect(queue.take('a')).toBe(false)
  })

  test('do not come for dropped items', () => {
    const [first, second, third] = many('a', 3) as [Item, Item, Item]
    const queue = queueOf([first, second, third])
    expect(queue.drop('a', 'a', second)).toBe(true)
    expect(queue.drop('a', 'a', second)).toBe(false)
    expect(taken(queue)).toEqual(['a1', 'a3'])
    expect(queue.drop('a', 'a', third)).toBe(false)
    expect(queue.drop('x', 'x', first)).toBe(false)
  })
})

describe('the space for one more item', () => {
  const madeFor = (items: readonly Item[], caller: string, connection = caller): string | undefined => {
    const queue = queueOf(items)
    const removed = queue.makeRoom(caller, connection)
    expect(queue.size).toBe(items.length - (removed ? 1 : 0))
    return removed && `${removed.connection}${removed.number}`
  }

  test.each<[string, Item[], [string, string?], string | undefined]>([
    ['comes from the caller with the most', [...many('a', 9), ...many('b', 3)], ['c'], 'a9'],
    [
      'comes from the caller with the most, not from its own',
      [...many('a', 9), ...many('b', 3)],
      ['b'],
      'a9',
    ],
    ['is refused to the caller with the most', [...many('a', 9), ...many('b', 3)], ['a'], undefined],
    ['is refused to a caller that would have as many', [...many('a', 4), ...many('b', 3)], ['b'], undefined],
    ['is refused where each has one', [...many('a', 1), ...many('b', 1)], ['c'], undefined],
    ['is refused in an empty queue', [], ['a'], undefined],
    [
      'comes from the connection with the most of the same caller',
      [...many('a', 5, 'x'), ...many('a', 2, 'y')],
      ['a', 'z'],
      'x5',
    ],
    ['is refused to the connection with the most', [...many('a', 5, 'x')], ['a', 'x'], undefined],
    [
      'comes from the connection with the most of another caller',
      [...many('a', 3, 'x'), ...many('a', 5, 'y'), ...many('b', 2)],
      ['b'],
      'y5',
    ],
  ])('the space %s', (_, items, [caller, connection], expected) => {
    expect(madeFor(items, caller, connection)).toBe(expected)
  })

  test('is refused to a caller without waiting items where the others have taken theirs', () => {
    const queue = queueOf(many('a', 3))
    taken(queue)
    expect(queue.makeRoom('b', 'b')).toBeUndefined()
  })
})

describe('any order of events', () => {
  const MAX_TAKEN = 3

  type Event = {
    readonly what: number
    readonly caller: number
    readonly connection: number
    readonly pick: number
  }

  /** A model that keeps lists: what waits in order, and what is taken. */
  class World {
    readonly queue = new FairQueue<Item>(MAX_TAKEN)
    readonly waiting: Item[] = []
    readonly taken: Item[] = []
    readonly gone = new Set<Item>()
    /** The items that each caller has been passed by since it could have had a turn. */
    readonly passed = new Map<string, number>()
    added = 0

    play({ what, caller, connection, pick }: Event): void {
      const name = `c${caller}`
      if (what < 45) this.#add(name, `${name}:${connection}`)
      else if (what < 70) this.#next()
      else if (what < 85) this.#done(pick)
      else if (what < 95) this.#drop(pick)
      else this.#makeRoom(name, `${name}:${connection}`)
      expect(this.queue.size).toBe(this.waiting.length)
    }

    #add(caller: string, connection: string): void {
      const each = item(caller, ++this.added, connection)
      if (this.waiting.length === 0 && this.queue.take(caller)) {
        this.#take(each)
        return
      }
      this.queue.add(caller, connection, each)
      this.waiting.push(each)
    }

    #next(): void {
      const eligible = new Set(
        this.waiting.map(({ caller }) => caller).filter((caller) => this.#takenOf(caller) < MAX_TAKEN),
      )
      const next = this.queue.next()
      if (!next) {
        expect(eligible.size).toBe(0)
        return
      }
      expect(eligible).toContain(next.caller)
      // The order within a connection is kept.
      expect(this.waiting.find(({ connection }) => connection === next.connection)).toBe(next)
      this.#remove(next)
      this.#take(next)
      this.passed.delete(next.caller)
      for (const caller of this.passed.keys()) if (!eligible.has(caller)) this.passed.delete(caller)
      for (const caller of eligible) {
        if (caller === next.caller) continue
        const count = (this.passed.get(caller) ?? 0) + 1
        this.passed.set(caller, count)
        // There are four callers: each has its turn within four items.
        expect(count).toBeLessThan(4)
      }
    }

    #done(pick: number): void {
      const [each] = this.taken.splice(pick % Math.max(this.taken.length, 1), 1)
      if (each) this.queue.done(each.caller)
    }

    #drop(pick: number): void {
      const each = this.waiting[pick % Math.max(this.waiting.length, 1)]
      if (!each) return
      expect(this.queue.drop(each.caller, each.connection, each)).toBe(true)
      this.#remove(each)
      this.gone.add(each)
    }

    #makeRoom(caller: string, connection: string): void {
      const removed = this.queue.makeRoom(caller, connection)
      if (!removed) return
      const countOf = (name: string): number => this.waiting.filter((each) => each.caller === name).length
      if (removed.caller !== caller) expect(countOf(removed.caller)).toBeGreaterThan(countOf(caller) + 1)
      this.#remove(removed)
      this.gone.add(removed)
    }

    #take(each: Item): void {
      expect(this.gone.has(each)).toBe(false)
      this.gone.add(each)
      this.taken.push(each)
      expect(this.#takenOf(each.caller)).toBeLessThanOrEqual(MAX_TAKEN)
    }

    #remove(each: Item): void {
      this.waiting.splice(this.waiting.indexOf(each), 1)
    }

    #takenOf(caller: string): number {
      return this.taken.filter((each) => each.caller === caller).length
    }
  }

  test('starves no caller, keeps the order of each connection, and neither loses nor repeats an item', () => {
    const event = fc.record({
      what: fc.nat(99),
      caller: fc.nat(3),
      connection: fc.nat(1),
      pick: fc.nat(1_000),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), (events) => {
        const world = new World()
        for (const each of events) world.play(each)
        const rest = world.queue.takeAll()
        expect(new Set(rest)).toEqual(new Set(world.waiting))
        expect(rest).toHaveLength(world.waiting.length)
        expect(world.gone.size + rest.length).toBe(world.added)
        expect(world.queue.next()).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })

  test.each([2, 5, 19, 100])('gives each of %i connections its turn within twice as many items', (count) => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(50), { minLength: count, maxLength: count }),
        fc.nat(200),
        (sizes, before) => {
          const connections = sizes.map((_, at) => `x${at}`)
          const queue = queueOf(sizes.flatMap((size, at) => many('a', size + 200, connections[at])))
          taken(queue, before)
          const turns = Array.from({ length: 2 * count }, () => queue.next()?.connection)
          expect(new Set(turns).size).toBe(count)
        },
      ),
      { numRuns: 20 },
    )
  })

  test.each([2, 5, 19, 100])('gives each of %i callers its turn within as many items', (count) => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: count, maxLength: count }), (sizes) => {
        const queue = queueOf(sizes.flatMap((size, caller) => many(`c${caller}`, size + 1)))
        const turns = Array.from({ length: count }, () => queue.next()?.caller)
        expect(new Set(turns).size).toBe(count)
      }),
      { numRuns: 50 },
    )
  })
})
