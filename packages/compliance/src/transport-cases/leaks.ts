import { expect } from 'vitest'
import { startLeakCheck } from '../leak-check.js'
import type { OpenPair } from '../open-pair.js'
import { count, notification } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'

/** C13: resources after `closed`. Resources from before `start()`, such as a server, may remain. */
export const leakCases: readonly ClauseCase[] = [
  releases('the near end closes', (opened) => opened.near.close()),
  releases('the far end closes', (opened) => opened.far.close()),
  releases('the connection breaks', (opened) => opened.cut()),

  clause('C13', 'nothing remains after close() while the peer does not read', async (fixture) => {
    const unstarted = await fixture.pair({ closeTimeoutMs: 100 })
    const leaks = await startLeakCheck()
    const opened = await unstarted.open()
    const resume = opened.stall('far')
    for (const n of count(50)) opened.near.send(notification(n, { fill: 'x'.repeat(5_000) })).catch(() => {})
    for (const end of [opened.near, opened.far]) end.close().catch(() => {})
    await fixture.within(Promise.all([opened.near.closed, opened.far.closed]), 'both ends closed')
    resume()
    await leaks.released(fixture.graceMs)
  }),

  clause('C13', 'nothing remains after a failed start()', async (fixture) => {
    const { transport } = await fixture.lone('unreachable')
    const leaks = await startLeakCheck()
    await fixture.within(
      transport.start().catch(() => {}),
      'start() settled',
    )
    await fixture.within(transport.closed, 'closed settled')
    await leaks.released(fixture.graceMs)
  }),

  clause('C13', 'nothing remains after the peer disconnects during start()', async (fixture) => {
    const { transport } = await fixture.lone('hangsUpDuringStart')
    const leaks = await startLeakCheck()
    await fixture.within(
      transport.start().catch(() => {}),
      'start() settled',
    )
    await fixture.within(transport.closed, 'closed settled')
    await leaks.released(fixture.graceMs)
  }),
]

function releases(when: string, end: (opened: OpenPair) => Promise<void>): ClauseCase {
  return clause('C13', `nothing remains after ${when}`, async (fixture) => {
    const unstarted = await fixture.pair()
    const leaks = await startLeakCheck()
    const opened = await unstarted.open()
    for (const n of count(10)) await fixture.within(opened.near.send(notification(n)), 'send() settled')
    await end(opened)
    await fixture.within(Promise.all([opened.near.closed, opened.far.closed]), 'both ends closed')
    await leaks.released(fixture.graceMs)
    expect(leaks.extra(), 'handles that are still open after closed').toEqual([])
  })
}
