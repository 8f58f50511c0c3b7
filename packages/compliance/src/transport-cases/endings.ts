import type { Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import type { Conversation } from '../conversation.js'
import type { Recording } from '../recording.js'
import { count, note, numbersOf } from '../sample-messages.js'
import type { Stage } from '../stage.js'
import type { Ability } from '../transport-subject.js'
import { turns } from '../waiting.js'

/** C4: one end, told once, after everything else. */
export const endingCases: readonly ClauseCase[] = [
  ends('this end closes', (talk) => talk.near.close()),
  ends('the other end closes', (talk) => talk.far.close(), ['farEndIsOrderly']),
  ends('both ends close at once', (talk) => Promise.all([talk.near.close(), talk.far.close()])),

  clause(
    'C4',
    'onclose comes once, with a reason where the medium tells, when the connection is cut',
    async (stage) => {
      const talk = await stage.open()
      await talk.cut()
      const reasons = await stage.within(Promise.all([talk.near.closed, talk.far.closed]), 'both ends closed')
      await turns()
      expectOneEnd(talk.atNear)
      expectOneEnd(talk.atFar)
      const hasReason = stage.isHeldTo('cutHasReason')
      if (hasReason) expect(reasons.some((reason) => reason instanceof Error)).toBe(true)
      for (const [index, reason] of reasons.entries()) {
        const { errors } = index === 0 ? talk.atNear : talk.atFar
        if (reason) expect(errors.filter((error) => error === reason)).toHaveLength(1)
      }
    },
  ),

  clause(
    'C4',
    'no message comes after onclose when this end closes in the middle of a stream of them',
    async (stage) => {
      stage.relyOn('farInitiates')
      const { near, far, atNear, atFar } = await stage.open()
      for (const n of count(200)) far.send(note(n, { fill: 'x'.repeat(500) })).catch(() => {})
      await stage.until(() => atNear.messages.length > 0, 'the first message arrived')
      await stage.within(near.close(), 'close() returned')
      await stage.within(far.closed, 'the far end closed')
      await turns()
      expectOneEnd(atNear)
      expectOneEnd(atFar)
    },
  ),

  clause('C4', 'what was sent before the other end closed in order arrives before onclose', async (stage) => {
    const { near, far, atFar } = await stage.open()
    for (const n of count(50))
      await stage.within(near.send(note(n, { fill: 'x'.repeat(500) })), 'send() settled')
    await stage.within(near.close(), 'close() returned')
    await stage.within(far.closed, 'the far end closed')
    await turns()
    expect(numbersOf(atFar.messages)).toEqual(count(50))
    expectOneEnd(atFar)
  }),

  clause('C4', 'onclose comes once when close() is called from inside onmessage', async (stage) => {
    const { near, far, atNear, atFar } = await stage.open()
    far.onmessage = () => {
      atFar.messages.push(note(0))
      far.close().catch(() => {})
    }
    for (const n of count(5)) near.send(note(n)).catch(() => {})
    await stage.within(Promise.all([near.closed, far.closed]), 'both ends closed')
    await turns()
    expect([atNear.closes, atFar.closes]).toEqual([1, 1])
    expect(atFar.messages).toHaveLength(1)
  }),

  clause('C4', 'onclose comes once when close() comes before start()', async (stage) => {
    const { near, atNear } = await stage.pair()
    await stage.within(Promise.all([near.close(), near.close()]), 'close() returned')
    await turns()
    expectOneEnd(atNear)
    expect(await near.closed).toBeUndefined()
    expect(atNear.errors).toEqual([])
  }),

  clause('C4', 'onclose comes once when close() comes while starting', async (stage) => {
    const { transport, recording } = await stage.lone('neverConnects', { closeTimeoutMs: 100 })
    const starting = transport.start()
    starting.catch(() => {})
    await turns()
    await stage.within(transport.close(), 'close() returned')
    await expect(stage.within(starting, 'start() settled')).rejects.toBeInstanceOf(Error)
    await turns()
    expectOneEnd(recording)
    expect(await transport.closed).toBeUndefined()
  }),

  failsToStart('there is nobody to connect to', 'unreachable'),
  failsToStart('the peer hangs up meanwhile', 'hangsUpDuringStart'),

  clause('C4', 'closed and onerror have the reason that close() was given', async (stage) => {
    const { near, far, atNear } = await stage.open()
    const reason = new Error('enough')
    await stage.within(near.close({ reason }), 'close() returned')
    expect(await near.closed).toBe(reason)
    expect(atNear.errors.filter((error) => error === reason)).toHaveLength(1)
    await stage.within(far.closed, 'the far end closed')
    await turns()
    expectOneEnd(atNear)
  }),
]

function ends(
  when: string,
  end: (talk: Conversation) => Promise<unknown>,
  abilities: readonly Ability[] = [],
): ClauseCase {
  return clause('C4', `onclose comes once on both ends, without a reason, when ${when}`, async (stage) => {
    for (const ability of abilities) stage.relyOn(ability)
    const talk = await stage.open()
    await talk.near.send(note(0))
    await stage.until(() => talk.atFar.messages.length === 1, 'a message arrived')
    await stage.within(end(talk), 'close() returned')
    await stage.within(Promise.all([talk.near.closed, talk.far.closed]), 'both ends closed')
    await turns()
    expectOneEnd(talk.atNear)
    expectOneEnd(talk.atFar)
    expect([await talk.near.closed, await talk.far.closed]).toEqual([undefined, undefined])
    expect([talk.atNear.errors, talk.atFar.errors]).toEqual([[], []])
  })
}

function failsToStart(why: string, kind: 'unreachable' | 'hangsUpDuringStart'): ClauseCase {
  return clause('C4', `onclose comes once when start() fails because ${why}`, async (stage) => {
    const { transport, recording } = await stage.lone(kind)
    await settle(stage, transport)
    expectOneEnd(recording)
    const reason = await stage.within(transport.closed, 'closed settled')
    expect(reason).toBeInstanceOf(Error)
    expect(recording.errors.filter((error) => error === reason)).toHaveLength(1)
  })
}

/** Waits for `start()` to settle either way: how is for another clause to say. */
async function settle(stage: Stage, transport: Transport): Promise<void> {
  const starting = transport.start().catch(() => {})
  await stage.within(starting, 'start() settled')
  await stage.within(transport.closed, 'closed settled')
  await turns()
}

function expectOneEnd(recording: Recording): void {
  expect(recording.closes).toBe(1)
  expect(recording.messagesAfterClose).toBe(0)
}
