import { expect } from 'vitest'
import { Exempt } from '../clauses.js'
import { count, notification, numbersOf } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turns } from '../waiting.js'

/** Lengths of consecutive messages. An encoding that is slower for longer messages would change their order. */
const LENGTHS = [0, 200_000, 10, 2_000, 70_000, 0, 1, 20_000]
const MESSAGE_COUNT = 120

/** C2: order. Content is in `content.ts`. */
export const orderCases: readonly ClauseCase[] = [
  clause(
    'C2',
    'short and long messages keep the order of sends without await, in both directions',
    async (fixture) => {
      fixture.requireAbility('concurrentOrder')
      fixture.requireAbility('farInitiates')
      const { near, far, atNear, atFar } = await fixture.open()
      const sends = count(MESSAGE_COUNT).flatMap((n) => [near.send(sized(n)), far.send(sized(n))])
      await fixture.within(Promise.all(sends), 'every send settled')
      await fixture.until(
        () => atFar.messages.length >= MESSAGE_COUNT && atNear.messages.length >= MESSAGE_COUNT,
        'all messages arrived',
      )
      expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
        count(MESSAGE_COUNT),
      )
      expect(numbersOf(atNear.messages), 'numbers of the messages that arrived at the near end').toEqual(
        count(MESSAGE_COUNT),
      )
    },
  ),

  clause('C2', 'messages keep the order of awaited sends', async (fixture) => {
    const { near, atFar } = await fixture.open()
    for (const n of count(30)) await fixture.within(near.send(sized(n)), 'send() settled')
    await fixture.until(() => atFar.messages.length >= 30, 'all messages arrived')
    expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
      count(30),
    )
  }),

  clause('C2', 'messages keep the order of sends over many turns of the event loop', async (fixture) => {
    fixture.requireAbility('concurrentOrder')
    const { near, atFar } = await fixture.open()
    const sends: Promise<void>[] = []
    for (const n of count(60)) {
      sends.push(near.send(sized(n)))
      if (n % 7 === 0) await turns(1)
    }
    await fixture.within(Promise.all(sends), 'every send settled')
    await fixture.until(() => atFar.messages.length >= 60, 'all messages arrived')
    expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
      count(60),
    )
  }),

  clause('C2', 'each message is delivered once', async (fixture) => {
    const { near, atFar } = await fixture.open()
    for (const n of count(20)) await near.send(notification(n))
    await fixture.until(() => atFar.messages.length >= 20, 'all messages arrived')
    await turns()
    expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
      count(20),
    )
  }),

  clause(
    'C2',
    'messages received while flow is paused are delivered in order after resume()',
    async (fixture) => {
      if (!fixture.subject.capabilities?.backpressure) throw new Exempt('the medium has no backpressure')
      const { near, far, atFar } = await fixture.open()
      expect(far.flow, 'flow of the transport, a capability of the subject').toBeDefined()
      far.flow?.pause()
      const sends = count(40).map((n) => near.send(notification(n, { fill: 'x'.repeat(2_000) })))
      await turns()
      far.flow?.resume()
      await fixture.within(Promise.all(sends), 'every send settled')
      await fixture.until(() => atFar.messages.length >= 40, 'all messages arrived')
      expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
        count(40),
      )
    },
  ),
]

function sized(n: number): ReturnType<typeof notification> {
  return notification(n, { fill: 'x'.repeat(LENGTHS[n % LENGTHS.length] ?? 0) })
}
