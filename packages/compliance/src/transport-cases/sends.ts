import { isTransportError, type Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { count, note, noteOfBytes, numbersOf } from '../sample-messages.js'
import { createSendLog, type SendLog } from '../send-log.js'
import { turn } from '../waiting.js'

const MAX_QUEUED_BYTES = 262_144
const PIECE_BYTES = 16_384
/** More than any operating system takes into its buffers. */
const MOST_PIECES = 4_096

/** C3: every send settles. */
export const sendCases: readonly ClauseCase[] = [
  clause('C3', 'send() before start() and while starting rejects with NOT_STARTED', async (stage) => {
    const staged = await stage.pair()
    expect(await codeOf(staged.near.send(note(1)))).toBe('NOT_STARTED')
    const opening = staged.open()
    if (staged.near.state === 'starting') {
      expect(await codeOf(staged.near.send(note(2)))).toBe('NOT_STARTED')
    }
    const { atFar, near } = await opening
    await near.send(note(3))
    await stage.until(() => atFar.messages.length > 0, 'a message arrived')
    expect(numbersOf(atFar.messages)).toEqual([3])
  }),

  clause('C3', 'send() after the end rejects with CLOSED, whoever ended it', async (stage) => {
    const { near, far } = await stage.open()
    await near.close()
    expect(await codeOf(near.send(note(1)))).toBe('CLOSED')
    await stage.within(far.closed, 'the far end closed')
    expect(await codeOf(far.send(note(2)))).toBe('CLOSED')
    const idle = await stage.pair()
    await idle.near.close()
    expect(await codeOf(idle.near.send(note(3)))).toBe('CLOSED')
  }),

  clause('C3', 'many sends at once all resolve', async (stage) => {
    const { near } = await stage.open()
    await stage.within(Promise.all(count(300).map((n) => near.send(note(n)))), 'every send settled')
  }),

  clause(
    'C3',
    'a message without JSON text is rejected with SEND_FAILED and harms no other',
    async (stage) => {
      stage.relyOn('encodesText')
      const { near, atFar } = await stage.open()
      const circular: Record<string, unknown> = {}
      circular['self'] = circular
      await near.send(note(0))
      for (const bad of [circular, { big: 1n }]) {
        const outcome = await stage.within(settled(near.send(note(9, bad))), 'send() settled')
        expect(isTransportError(outcome, 'SEND_FAILED') && outcome.details.delivery).toBe('none')
      }
      await near.send(note(1))
      await stage.until(() => atFar.messages.length >= 2, 'the others arrived')
      expect(numbersOf(atFar.messages)).toEqual([0, 1])
    },
  ),

  clause('C3', 'every send settles when this end closes while the peer reads nothing', async (stage) => {
    const talk = await stage.open({ closeTimeoutMs: 100 })
    talk.stall('far')
    const log = await fill(talk.near)
    talk.near.close().catch(() => {})
    await stage.until(() => log.pending === 0, 'every send settled')
    expect(
      log.failures.map(codeOfError).filter((code) => code !== 'CLOSED' && code !== 'OVERLOADED'),
    ).toEqual([])
    expect(log.failures.map(codeOfError)).toContain('CLOSED')
  }),

  clause(
    'C3',
    'every send settles when the connection breaks while the peer reads nothing',
    async (stage) => {
      const talk = await stage.open({ closeTimeoutMs: 100 })
      talk.stall('far')
      const log = await fill(talk.near)
      await talk.cut()
      await stage.until(() => log.pending === 0, 'every send settled')
      const others = log.failures
        .map(codeOfError)
        .filter((code) => code !== 'CLOSED' && code !== 'OVERLOADED' && code !== 'SEND_FAILED')
      expect(others).toEqual([])
    },
  ),

  clause(
    'C3',
    'beyond maxQueuedBytes it rejects with OVERLOADED, sends nothing of it, and loses nothing else',
    async (stage) => {
      const talk = await stage.open({ maxQueuedBytes: MAX_QUEUED_BYTES })
      const resume = talk.stall('far')
      const log = createSendLog(talk.near)
      let sent = 0
      while (log.failures.length === 0 && sent < MOST_PIECES) {
        log.send(noteOfBytes(sent++, PIECE_BYTES))
        await turn()
      }
      expect(log.failures.map(codeOfError)).toEqual(['OVERLOADED'])
      const [refused] = log.failures
      if (!isTransportError(refused, 'OVERLOADED')) throw new Error('not OVERLOADED')
      expect(refused.details.maxQueuedBytes).toBe(MAX_QUEUED_BYTES)
      expect(refused.details.queuedBytes).toBeGreaterThan(MAX_QUEUED_BYTES)
      resume()
      await stage.until(() => log.pending === 0, 'every send settled')
      await talk.near.send(note(sent))
      const last = sent
      await stage.until(() => numbersOf(talk.atFar.messages).includes(last), 'a later message arrived')
      expect(numbersOf(talk.atFar.messages)).toEqual([...count(sent - 1), sent])
    },
  ),
]

/** How many turns of the event loop nothing moves in when hardly anything will any more. */
const STILL_TURNS = 100
/**
 * More than finds room later on, if the queue takes so many: a busy system may be still for as many turns and then
 * widen a window, or look again at one that was closed. 128 pieces were too few now and then.
 */
const REMAINDER_PIECES = 1_024

/** Sends until a send stays pending, and more than can leave while the peer reads nothing. */
async function fill(transport: Transport): Promise<SendLog> {
  const log = createSendLog(transport)
  let sent = 0
  // What is between the ends may still take some when a send is pending for the first time.
  for (let still = 0; still < STILL_TURNS && sent < MOST_PIECES; ) {
    if (log.pending === 0) for (const _ of count(8)) log.send(noteOfBytes(sent++, PIECE_BYTES))
    const { pending } = log
    await turn()
    still = log.pending > 0 && log.pending === pending ? still + 1 : 0
  }
  expect(log.pending).toBeGreaterThan(0)
  const most = sent + REMAINDER_PIECES
  while (log.failures.length === 0 && sent < most) {
    for (const _ of count(64)) log.send(noteOfBytes(sent++, PIECE_BYTES))
    await turn()
  }
  return log
}

function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return codeOfError(await settled(promise))
}

function codeOfError(error: unknown): string {
  if (isTransportError(error)) return error.code
  return error === undefined ? 'it resolved' : String(error)
}
