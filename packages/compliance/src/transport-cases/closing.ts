import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { count, noteOfBytes } from '../sample-messages.js'
import { createSendLog } from '../send-log.js'
import { turn, turns } from '../waiting.js'

const CLOSE_TIMEOUT_MS = 100
const SLACK = 10
const PIECE_BYTES = 16_384
const MOST_PIECES = 4_096

/** C8: `close()`. */
export const closingCases: readonly ClauseCase[] = [
  clause('C8', 'close() may be called twice at once and again later, on either end', async (stage) => {
    const { near, far } = await stage.open()
    const reason = new Error('the first call says why')
    const calls = [
      near.close({ reason }),
      near.close(),
      near.close({ reason: new Error('too late') }),
      far.close(),
    ]
    await stage.within(Promise.all(calls), 'every close() returned')
    await stage.within(Promise.all([near.close(), far.close(), near.close()]), 'close() returned again')
    expect(await near.closed).toBe(reason)
  }),

  clause('C8', 'close() before start() returns, and so does another', async (stage) => {
    const { near } = await stage.pair()
    await stage.within(near.close(), 'close() returned')
    await stage.within(near.close(), 'close() returned again')
    expect(near.state).toBe('closed')
  }),

  clause('C8', 'close() returns after the other end is gone', async (stage) => {
    const { near, far } = await stage.open()
    await stage.within(far.close(), 'close() returned')
    await stage.within(near.closed, 'the near end closed')
    await stage.within(Promise.all([near.close(), far.close()]), 'close() returned')
  }),

  clause(
    'C8',
    'close() does not return before the end: state is closed and onclose was called',
    async (stage) => {
      const { near, atNear } = await stage.open()
      await stage.within(near.close(), 'close() returned')
      expect(near.state).toBe('closed')
      expect(atNear.closes).not.toBe(0)
    },
  ),

  clause('C8', 'close() returns within closeTimeoutMs while the peer reads nothing', async (stage) => {
    const talk = await stage.open({ closeTimeoutMs: CLOSE_TIMEOUT_MS })
    talk.stall('far')
    const log = createSendLog(talk.near)
    for (let sent = 0; log.pending === 0 && sent < MOST_PIECES; ) {
      for (const _ of count(8)) log.send(noteOfBytes(sent++, PIECE_BYTES))
      await turns(5)
    }
    expect(log.pending).toBeGreaterThan(0)
    const calls = Promise.all([talk.near.close(), talk.near.close()])
    await stage.within(calls, 'close() returned', CLOSE_TIMEOUT_MS * SLACK)
    expect(talk.near.state).toBe('closed')
  }),

  clause('C8', 'an end that reads nothing itself closes within closeTimeoutMs', async (stage) => {
    const talk = await stage.open({ closeTimeoutMs: CLOSE_TIMEOUT_MS })
    talk.stall('far')
    const log = createSendLog(talk.near)
    for (const n of count(20)) log.send(noteOfBytes(n, PIECE_BYTES))
    await turn()
    await stage.within(talk.far.close(), 'close() returned', CLOSE_TIMEOUT_MS * SLACK)
  }),

  clause('C8', 'leaving an await using block closes', async (stage) => {
    const { near, far } = await stage.open()
    await stage.within(near[Symbol.asyncDispose](), 'the disposal returned')
    expect(near.state).toBe('closed')
    await stage.within(far.closed, 'the far end closed')
  }),
]
