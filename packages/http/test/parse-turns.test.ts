import { createFakeClock } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import { ParseTurns } from '../src/server/request/read-post.js'

/** Turns that the test ends, with the names of what was handled. Each message takes a time. */
function taking(ms: number) {
  const clock = createFakeClock()
  let now = 0
  const ends: (() => void)[] = []
  const turns = new ParseTurns({ ...clock, now: () => now }, (run) => void ends.push(run))
  const handled: string[] = []
  const add = (name: string, isLarge = false): void =>
    turns.add(name.slice(0, 1), isLarge, () => {
      now += ms
      handled.push(name)
    })
  /** Ends the turn. Returns what the next one has handled. */
  const next = (): string[] => {
    handled.length = 0
    for (const end of ends.splice(0)) end()
    return [...handled]
  }
  return { turns, handled, add, next, ends }
}

describe('the turns of messages', () => {
  test('handle short work at once', () => {
    const { add, handled } = taking(0.01)
    const names = Array.from({ length: 100 }, (_, index) => `a${index}`)

    for (const name of names) add(name)

    expect(handled).toEqual(names)
  })

  test('handle messages of a session until they have used its share, and the others in order', () => {
    const { add, handled, next } = taking(1)
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5']) add(name)

    expect(handled).toEqual(['a1', 'a2'])
    expect(next()).toEqual(['a3', 'a4'])
    expect(next()).toEqual(['a5'])
    expect(next()).toEqual([])
  })

  test('handle another session at once while one waits', () => {
    const { add, handled } = taking(1)
    for (const name of ['a1', 'a2', 'a3', 'b1']) add(name)

    expect(handled).toEqual(['a1', 'a2', 'b1'])
  })

  test('take waiting sessions in turn', () => {
    const { add, next } = taking(2)
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'b3']) add(name)

    expect([next(), next(), next(), next()]).toEqual([['a2'], ['b2'], ['a3'], ['b3']])
  })

  test('handle one large body in a turn, with small messages of others in between', () => {
    const { add, handled, next } = taking(1)
    add('a1', true)
    add('b1', true)
    add('c1')

    expect(handled).toEqual(['a1', 'c1'])
    expect(next()).toEqual(['b1'])
  })

  test('keep the order of a session whose large body waits', () => {
    const { add, handled, next } = taking(0.1)
    add('b1', true)
    add('a1', true)
    add('a2')

    expect(handled).toEqual(['b1'])
    expect(next()).toEqual(['a1', 'a2'])
  })

  test('keep what a message adds behind what waits', () => {
    const { turns, add, next } = taking(2)
    add('a1')
    turns.add('a', false, () => add('a4'))
    add('a2')

    expect([next(), next(), next()]).toEqual([['a2'], ['a4'], []])
  })

  test('end when nothing waits', () => {
    const { add, next, ends } = taking(1)
    add('a1')
    next()

    expect(ends).toEqual([])
  })
})
