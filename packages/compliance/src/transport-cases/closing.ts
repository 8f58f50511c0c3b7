import { expect } from 'vitest'
import { createSendLog } from '../recording.js'
import { count, notificationOfBytes } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turn, turns } from '../waiting.js'

const CLOSE_TIMEOUT_MS = 100
const MESSAGE_BYTES = 16_384
const MAX_MESSAGES = 4_096

/** C8: `close()`. */
export const closingCases: readonly ClauseCase[] = [
  clause('C8', 'close() may be called concurrently and again later, on both ends', async (fixture) => {
    const { near, far } = await fixture.open()
    const reason = new Error('the first reason')
    const calls = [
      near.close({ reason }),
      near.close(),
      near.close({ reason: new Error('a later reason') }),
      far.close(),
    ]
    await fixture.within(Promise.all(calls), 'every close() returned')
    await fixture.within(Promise.all([near.close(), far.close(), near.close()]), 'close() returned again')
    expect(await near.closed, 'reason that closed settles with').toBe(reason)
  }),

  clause('C8', 'close() returns before start(), and again', async (fixture) => {
    const { near } = await fixture.pair()
    await fixture.within(near.close(), 'close() returned')
    await fixture.within(near.close(), 'close() returned again')
    expect(near.state, 'state of the transport').toBe('closed')
  }),

  clause('C8', 'close() returns after the other end has closed', async (fixture) => {
    const { near, far } = await fixture.open()
    await fixture.within(far.close(), 'close() returned')
    await fixture.within(near.closed, 'the near end closed')
    await fixture.within(Promise.all([near.close(), far.close()]), 'close() returned')
  }),

  clause('C8', 'close() returns after the state is closed and onclose was called', async (fixture) => {
    const { near, atNear } = await fixture.open()
    await fixture.within(near.close(), 'close() returned')
    expect(near.state, 'state of the transport').toBe('closed')
    expect(atNear.closes, 'calls of onclose').not.toBe(0)
  }),

  clause('C8', 'close() returns within closeTimeoutMs while the peer does not read', async (fixture) => {
    const opened = await fixture.open({ closeTimeoutMs: CLOSE_TIMEOUT_MS })
    opened.stall('far')
    const log = createSendLog(opened.near)
    for (let sent = 0; log.pending === 0 && sent < MAX_MESSAGES; ) {
      for (const _ of count(8)) log.send(notificationOfBytes(sent++, MESSAGE_BYTES))
      await turns(5)
    }
    expect(log.pending, 'sends that are pending while the far end does not read').toBeGreaterThan(0)
    const calls = Promise.all([opened.near.close(), opened.near.close()])
    await fixture.within(calls, 'close() returned')
    expect(opened.near.state, 'state of the transport').toBe('closed')
  }),

  clause('C8', 'an end that does not read closes within closeTimeoutMs', async (fixture) => {
    const opened = await fixture.open({ closeTimeoutMs: CLOSE_TIMEOUT_MS })
    opened.stall('far')
    const log = createSendLog(opened.near)
    for (const n of count(20)) log.send(notificationOfBytes(n, MESSAGE_BYTES))
    await turn()
    await fixture.within(opened.far.close(), 'close() returned')
  }),

  clause('C8', '[Symbol.asyncDispose]() closes the transport', async (fixture) => {
    const { near, far } = await fixture.open()
    await fixture.within(near[Symbol.asyncDispose](), 'the disposal returned')
    expect(near.state, 'state of the transport').toBe('closed')
    await fixture.within(far.closed, 'the far end closed')
  }),
]
