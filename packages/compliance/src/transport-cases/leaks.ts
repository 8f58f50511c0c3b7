import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import type { Conversation } from '../conversation.js'
import { startLeakCheck } from '../leak-check.js'
import { count, note } from '../sample-messages.js'

/** C13: nothing remains. What is there before `start()`, such as a server, may still be there. */
export const leakCases: readonly ClauseCase[] = [
  releases('the near end closed', (talk) => talk.near.close()),
  releases('the far end closed', (talk) => talk.far.close()),
  releases('the connection was cut', (talk) => talk.cut()),

  clause('C13', 'nothing remains after close() while the peer reads nothing', async (stage) => {
    const staged = await stage.pair({ closeTimeoutMs: 100 })
    const leaks = await startLeakCheck()
    const talk = await staged.open()
    const resume = talk.stall('far')
    for (const n of count(50)) talk.near.send(note(n, { fill: 'x'.repeat(5_000) })).catch(() => {})
    for (const end of [talk.near, talk.far]) end.close().catch(() => {})
    await stage.within(Promise.all([talk.near.closed, talk.far.closed]), 'both ends closed')
    resume()
    await leaks.released(stage.graceMs)
  }),

  clause('C13', 'nothing remains after a start() that failed', async (stage) => {
    const { transport } = await stage.lone('unreachable')
    const leaks = await startLeakCheck()
    await stage.within(
      transport.start().catch(() => {}),
      'start() settled',
    )
    await stage.within(transport.closed, 'closed settled')
    await leaks.released(stage.graceMs)
  }),

  clause('C13', 'nothing remains after the peer hung up during start()', async (stage) => {
    const { transport } = await stage.lone('hangsUpDuringStart')
    const leaks = await startLeakCheck()
    await stage.within(
      transport.start().catch(() => {}),
      'start() settled',
    )
    await stage.within(transport.closed, 'closed settled')
    await leaks.released(stage.graceMs)
  }),
]

function releases(when: string, end: (talk: Conversation) => Promise<void>): ClauseCase {
  return clause('C13', `nothing remains after ${when}`, async (stage) => {
    const staged = await stage.pair()
    const leaks = await startLeakCheck()
    const talk = await staged.open()
    for (const n of count(10)) await stage.within(talk.near.send(note(n)), 'send() settled')
    await end(talk)
    await stage.within(Promise.all([talk.near.closed, talk.far.closed]), 'both ends closed')
    await leaks.released(stage.graceMs)
    expect(leaks.extra()).toEqual([])
  })
}
