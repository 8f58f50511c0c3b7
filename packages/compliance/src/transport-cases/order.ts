import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { Exempt } from '../exempt.js'
import { count, note, numbersOf } from '../sample-messages.js'
import { turns } from '../waiting.js'

/** Lengths of consecutive messages: an encoding that takes longer for longer ones shows itself. */
const LENGTHS = [0, 200_000, 10, 2_000, 70_000, 0, 1, 20_000]
const HOW_MANY = 120

/** C2: order, and nothing changed on the way. Content is in `content.ts`. */
export const orderCases: readonly ClauseCase[] = [
  clause(
    'C2',
    'keeps the order of sends that are not awaited, short and long, both ways at once',
    async (stage) => {
      stage.relyOn('concurrentOrder')
      stage.relyOn('farInitiates')
      const { near, far, atNear, atFar } = await stage.open()
      const sends = count(HOW_MANY).flatMap((n) => [near.send(sized(n)), far.send(sized(n))])
      await stage.within(Promise.all(sends), 'every send settled')
      await stage.until(
        () => atFar.messages.length >= HOW_MANY && atNear.messages.length >= HOW_MANY,
        'as many messages arrived as were sent',
      )
      expect(numbersOf(atFar.messages)).toEqual(count(HOW_MANY))
      expect(numbersOf(atNear.messages)).toEqual(count(HOW_MANY))
    },
  ),

  clause('C2', 'keeps the order of sends that are awaited', async (stage) => {
    const { near, atFar } = await stage.open()
    for (const n of count(30)) await stage.within(near.send(sized(n)), 'send() settled')
    await stage.until(() => atFar.messages.length >= 30, 'as many messages arrived as were sent')
    expect(numbersOf(atFar.messages)).toEqual(count(30))
  }),

  clause(
    'C2',
    'keeps the order in which sends were called over many turns of the event loop',
    async (stage) => {
      stage.relyOn('concurrentOrder')
      const { near, atFar } = await stage.open()
      const sends: Promise<void>[] = []
      for (const n of count(60)) {
        sends.push(near.send(sized(n)))
        if (n % 7 === 0) await turns(1)
      }
      await stage.within(Promise.all(sends), 'every send settled')
      await stage.until(() => atFar.messages.length >= 60, 'as many messages arrived as were sent')
      expect(numbersOf(atFar.messages)).toEqual(count(60))
    },
  ),

  clause('C2', 'delivers each message once', async (stage) => {
    const { near, atFar } = await stage.open()
    for (const n of count(20)) await near.send(note(n))
    await stage.until(() => atFar.messages.length >= 20, 'as many messages arrived as were sent')
    await turns()
    expect(numbersOf(atFar.messages)).toEqual(count(20))
  }),

  clause(
    'C2',
    'keeps what arrives while its flow is paused, and delivers it in order afterwards',
    async (stage) => {
      if (!stage.subject.capabilities?.backpressure) throw new Exempt('the medium has no backpressure')
      const { near, far, atFar } = await stage.open()
      expect(far.flow).toBeDefined()
      far.flow?.pause()
      const sends = count(40).map((n) => near.send(note(n, { fill: 'x'.repeat(2_000) })))
      await turns()
      far.flow?.resume()
      await stage.within(Promise.all(sends), 'every send settled')
      await stage.until(() => atFar.messages.length >= 40, 'as many messages arrived as were sent')
      expect(numbersOf(atFar.messages)).toEqual(count(40))
    },
  ),
]

function sized(n: number): ReturnType<typeof note> {
  return note(n, { fill: 'x'.repeat(LENGTHS[n % LENGTHS.length] ?? 0) })
}
