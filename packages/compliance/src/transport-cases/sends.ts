import { isTransportError, type Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import { createFakeClock, type FakeClock } from '../fake-clock.js'
import { createSendLog, type SendLog } from '../recording.js'
import { count, notification, notificationOfBytes, numbersOf } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turn } from '../waiting.js'

const MAX_QUEUED_BYTES = 262_144
const MESSAGE_BYTES = 16_384
/** More than the buffers of any operating system. */
const MAX_MESSAGES = 4_096

/** C3: every send settles. */
export const sendCases: readonly ClauseCase[] = [
  clause('C3', 'send() before start() and during start() rejects with NOT_STARTED', async (fixture) => {
    const unstarted = await fixture.pair()
    expect(await codeOf(unstarted.near.send(notification(1))), 'code of the rejection of send()').toBe(
      'NOT_STARTED',
    )
    const opening = unstarted.open()
    if (unstarted.near.state === 'starting') {
      expect(await codeOf(unstarted.near.send(notification(2))), 'code of the rejection of send()').toBe(
        'NOT_STARTED',
      )
    }
    const { atFar, near } = await opening
    await near.send(notification(3))
    await fixture.until(() => atFar.messages.length > 0, 'a message arrived')
    expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual([3])
  }),

  clause('C3', 'send() after the end rejects with CLOSED on both ends', async (fixture) => {
    const { near, far } = await fixture.open()
    await near.close()
    expect(await codeOf(near.send(notification(1))), 'code of the rejection of send()').toBe('CLOSED')
    await fixture.within(far.closed, 'the far end closed')
    expect(await codeOf(far.send(notification(2))), 'code of the rejection of send()').toBe('CLOSED')
    const idle = await fixture.pair()
    await idle.near.close()
    expect(await codeOf(idle.near.send(notification(3))), 'code of the rejection of send()').toBe('CLOSED')
  }),

  clause('C3', 'concurrent sends resolve', async (fixture) => {
    const { near } = await fixture.open()
    await fixture.within(Promise.all(count(300).map((n) => near.send(notification(n)))), 'every send settled')
  }),

  clause(
    'C3',
    'send() rejects a message without JSON text with SEND_FAILED, and the others arrive',
    async (fixture) => {
      fixture.requireAbility('encodesText')
      const { near, atFar } = await fixture.open()
      const circular: Record<string, unknown> = {}
      circular['self'] = circular
      await near.send(notification(0))
      for (const bad of [circular, { big: 1n }]) {
        const outcome = await fixture.within(settled(near.send(notification(9, bad))), 'send() settled')
        expect(
          isTransportError(outcome, 'SEND_FAILED') && outcome.details.delivery,
          'details.delivery of SEND_FAILED',
        ).toBe('none')
      }
      await near.send(notification(1))
      await fixture.until(() => atFar.messages.length >= 2, 'the others arrived')
      expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual([0, 1])
    },
  ),

  clause('C3', 'every send settles when this end closes while the peer does not read', async (fixture) => {
    const opened = await fixture.open({ closeTimeoutMs: 100 })
    opened.stall('far')
    const log = await fill(opened.near)
    opened.near.close().catch(() => {})
    await fixture.until(() => log.pending === 0, 'every send settled')
    expect(
      log.failures.map(codeOfError).filter((code) => code !== 'CLOSED' && code !== 'OVERLOADED'),
      'codes of rejected sends besides CLOSED and OVERLOADED',
    ).toEqual([])
    expect(log.failures.map(codeOfError), 'codes of the rejected sends').toContain('CLOSED')
  }),

  clause(
    'C3',
    'every send settles when the connection breaks while the peer does not read',
    async (fixture) => {
      const opened = await fixture.open({ closeTimeoutMs: 100 })
      opened.stall('far')
      const log = await fill(opened.near)
      await opened.cut()
      await fixture.until(() => log.pending === 0, 'every send settled')
      const others = log.failures
        .map(codeOfError)
        .filter((code) => code !== 'CLOSED' && code !== 'OVERLOADED' && code !== 'SEND_FAILED')
      expect(others, 'rejections with another code than CLOSED').toEqual([])
    },
  ),

  clause('C3', 'start() settles by its own deadline if the peer never answers', async (fixture) => {
    const clock = createFakeClock()
    const { transport } = await fixture.lone('neverConnects', { clock })
    let outcome: unknown
    const starting = settled(transport.start()).then((error) => {
      outcome = error ?? 'it resolved'
    })
    await turn()
    if (transport.state === 'starting') {
      expect(await codeOf(transport.send(notification(1))), 'code of the rejection of send()').toBe(
        'NOT_STARTED',
      )
    }
    const passing = passTime(clock, () => outcome !== undefined)
    try {
      await fixture.within(starting, 'start() settled when the time of its deadline had passed')
    } finally {
      passing.stop()
    }
    expect(outcome, 'error that start() rejects with').toBeInstanceOf(Error)
  }),

  clause(
    'C3',
    'every send settles within closeTimeoutMs of close(), however long the peer has not read',
    async (fixture) => {
      const clock = createFakeClock()
      const opened = await fixture.open({ clock, closeTimeoutMs: 1_000 })
      const resume = opened.stall('far')
      const log = await fill(opened.near)
      await clock.advance(HOUR_MS)
      opened.near.close().catch(() => {})
      await clock.advance(1_000)
      await fixture.until(() => log.pending === 0, 'every send settled')
      expect(
        log.failures.filter((error) => !isTransportError(error)),
        'rejections with another error than a TransportError',
      ).toEqual([])
      resume()
      const passing = passTime(clock, () => opened.far.state === 'closed')
      await fixture.within(opened.far.close(), 'close() returned').finally(passing.stop)
    },
  ),

  clause(
    'C3',
    'send() beyond maxQueuedBytes rejects with OVERLOADED, sends no part of the message, and the others arrive',
    async (fixture) => {
      const opened = await fixture.open({ maxQueuedBytes: MAX_QUEUED_BYTES })
      const resume = opened.stall('far')
      const log = createSendLog(opened.near)
      let sent = 0
      while (log.failures.length === 0 && sent < MAX_MESSAGES) {
        log.send(notificationOfBytes(sent++, MESSAGE_BYTES))
        await turn()
      }
      expect(log.failures.map(codeOfError), 'codes of the rejected sends').toEqual(['OVERLOADED'])
      const [failure] = log.failures
      if (!isTransportError(failure, 'OVERLOADED')) throw new Error('expected OVERLOADED')
      expect(failure.details.maxQueuedBytes, 'details.maxQueuedBytes of OVERLOADED').toBe(MAX_QUEUED_BYTES)
      expect(failure.details.queuedBytes, 'details.queuedBytes of OVERLOADED').toBeGreaterThan(
        MAX_QUEUED_BYTES,
      )
      resume()
      await fixture.until(() => log.pending === 0, 'every send settled')
      await opened.near.send(notification(sent))
      const last = sent
      await fixture.until(() => numbersOf(opened.atFar.messages).includes(last), 'a later message arrived')
      expect(numbersOf(opened.atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
        [...count(sent - 1), sent],
      )
    },
  ),
]

/** The number of turns of the event loop without progress after which the buffers count as full. */
const IDLE_TURNS = 100
/**
 * More messages than the buffers accept later. A busy system may make no progress for `IDLE_TURNS` and then enlarge a
 * window. 128 messages were sometimes too few.
 */
const REMAINDER_MESSAGES = 1_024

/** Sends until sends stay pending, and then more than the buffers accept while the peer does not read. */
async function fill(transport: Transport): Promise<SendLog> {
  const log = createSendLog(transport)
  let sent = 0
  // Buffers between the ends may accept more after the first pending send.
  for (let idleTurns = 0; idleTurns < IDLE_TURNS && sent < MAX_MESSAGES; ) {
    if (log.pending === 0) for (const _ of count(8)) log.send(notificationOfBytes(sent++, MESSAGE_BYTES))
    const { pending } = log
    await turn()
    idleTurns = log.pending > 0 && log.pending === pending ? idleTurns + 1 : 0
  }
  expect(log.pending, 'sends that are pending while the far end does not read').toBeGreaterThan(0)
  const limit = sent + REMAINDER_MESSAGES
  while (log.failures.length === 0 && sent < limit) {
    for (const _ of count(64)) log.send(notificationOfBytes(sent++, MESSAGE_BYTES))
    await turn()
  }
  return log
}

const HOUR_MS = 3_600_000
/** One step of the time that passes for a deadline. */
const STEP_MS = 60_000

/** Lets the time of a clock pass until the condition is true. */
function passTime(clock: FakeClock, isOver: () => boolean): { stop: () => void } {
  let isStopped = false
  const pass = async (): Promise<void> => {
    while (!isStopped && !isOver()) await clock.advance(STEP_MS)
  }
  void pass()
  return {
    stop: () => {
      isStopped = true
    },
  }
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
