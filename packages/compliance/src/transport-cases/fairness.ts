import { expect } from 'vitest'
import { createSendLog } from '../recording.js'
import { BURST_MESSAGES, count, notification, occupy } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'

/** C19: fairness. */
export const fairnessCases: readonly ClauseCase[] = [
  clause('C19', 'a message arrives within a long burst of another connection', async (fixture) => {
    const busy = await fixture.open()
    const other = await fixture.open()
    let handled = 0
    let handledBefore: number | undefined
    busy.far.onmessage = () => {
      handled++
      occupy()
    }
    other.far.onmessage = () => {
      handledBefore ??= handled
    }
    const log = createSendLog(busy.near)
    for (const n of count(BURST_MESSAGES)) log.send(notification(n, { fill: 'x'.repeat(500) }))
    other.near.send(notification(0)).catch(() => {})
    await fixture.until(() => handledBefore !== undefined, 'the message of the other connection arrived')
    expect(handledBefore, 'messages of the burst before the one of the other connection').toBeLessThan(
      BURST_MESSAGES - log.failures.length,
    )
  }),
]
