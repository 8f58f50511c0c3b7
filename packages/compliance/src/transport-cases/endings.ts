import type { Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import type { OpenPair } from '../open-pair.js'
import type { Recording } from '../recording.js'
import { count, notification, numbersOf } from '../sample-messages.js'
import type { TransportFixture } from '../transport-fixture.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import type { Ability } from '../transport-subject.js'
import { turns } from '../waiting.js'

/** C4: `onclose` and `closed`. */
export const endingCases: readonly ClauseCase[] = [
  ends('this end closes', (opened) => opened.near.close()),
  ends('the other end closes', (opened) => opened.far.close(), ['farEndIsOrderly']),
  ends('both ends close at once', (opened) => Promise.all([opened.near.close(), opened.far.close()])),

  clause(
    'C4',
    'onclose is called once, with a reason if the medium has one, when the connection breaks',
    async (fixture) => {
      const opened = await fixture.open()
      await opened.cut()
      const reasons = await fixture.within(
        Promise.all([opened.near.closed, opened.far.closed]),
        'both ends closed',
      )
      await turns()
      expectOneEnd(opened.atNear)
      expectOneEnd(opened.atFar)
      const hasReason = fixture.hasAbility('cutHasReason')
      if (hasReason)
        expect(
          reasons.some((reason) => reason instanceof Error),
          'closed of one end settles with the reason why the connection broke',
        ).toBe(true)
      for (const [index, reason] of reasons.entries()) {
        const { errors } = index === 0 ? opened.atNear : opened.atFar
        if (reason)
          expect(
            errors.filter((error) => error === reason),
            'calls of onerror with the reason of closed',
          ).toHaveLength(1)
      }
    },
  ),

  clause(
    'C4',
    'no message is delivered after onclose when this end closes while messages arrive',
    async (fixture) => {
      fixture.requireAbility('farInitiates')
      const { near, far, atNear, atFar } = await fixture.open()
      for (const n of count(200)) far.send(notification(n, { fill: 'x'.repeat(500) })).catch(() => {})
      await fixture.until(() => atNear.messages.length > 0, 'the first message arrived')
      await fixture.within(near.close(), 'close() returned')
      await fixture.within(far.closed, 'the far end closed')
      await turns()
      expectOneEnd(atNear)
      expectOneEnd(atFar)
    },
  ),

  clause(
    'C4',
    'messages sent before an orderly close of the other end arrive before onclose',
    async (fixture) => {
      const { near, far, atFar } = await fixture.open()
      for (const n of count(50))
        await fixture.within(near.send(notification(n, { fill: 'x'.repeat(500) })), 'send() settled')
      await fixture.within(near.close(), 'close() returned')
      await fixture.within(far.closed, 'the far end closed')
      await turns()
      expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual(
        count(50),
      )
      expectOneEnd(atFar)
    },
  ),

  clause('C4', 'onclose is called once when close() is called from inside onmessage', async (fixture) => {
    const { near, far, atNear, atFar } = await fixture.open()
    far.onmessage = () => {
      atFar.messages.push(notification(0))
      far.close().catch(() => {})
    }
    for (const n of count(5)) near.send(notification(n)).catch(() => {})
    await fixture.within(Promise.all([near.closed, far.closed]), 'both ends closed')
    await turns()
    expect({ near: atNear.closes, far: atFar.closes }, 'calls of onclose').toEqual({ near: 1, far: 1 })
    expect(atFar.messages, 'messages delivered after close() was called inside onmessage').toHaveLength(1)
  }),

  clause('C4', 'onclose is called once when close() is called before start()', async (fixture) => {
    const { near, atNear } = await fixture.pair()
    await fixture.within(Promise.all([near.close(), near.close()]), 'close() returned')
    await turns()
    expectOneEnd(atNear)
    expect(await near.closed, 'closed after close() before start()').toBeUndefined()
    expect(atNear.errors, 'errors reported to onerror').toEqual([])
  }),

  clause('C4', 'onclose is called once when close() is called during start()', async (fixture) => {
    const { transport, recording } = await fixture.lone('neverConnects', { closeTimeoutMs: 100 })
    const starting = transport.start()
    starting.catch(() => {})
    await turns()
    await fixture.within(transport.close(), 'close() returned')
    await expect(
      fixture.within(starting, 'start() settled'),
      'start() rejects with an Error when close() is called during it',
    ).rejects.toBeInstanceOf(Error)
    await turns()
    expectOneEnd(recording)
    expect(await transport.closed, 'closed after close() during start()').toBeUndefined()
  }),

  failsToStart('nothing listens', 'unreachable'),
  failsToStart('the peer disconnects', 'hangsUpDuringStart'),

  clause('C4', 'closed and onerror have the reason passed to close()', async (fixture) => {
    const { near, far, atNear } = await fixture.open()
    const reason = new Error('no longer needed')
    await fixture.within(near.close({ reason }), 'close() returned')
    expect(await near.closed, 'reason that closed settles with').toBe(reason)
    expect(
      atNear.errors.filter((error) => error === reason),
      'calls of onerror with the reason passed to close()',
    ).toHaveLength(1)
    await fixture.within(far.closed, 'the far end closed')
    await turns()
    expectOneEnd(atNear)
  }),
]

function ends(
  when: string,
  end: (opened: OpenPair) => Promise<unknown>,
  abilities: readonly Ability[] = [],
): ClauseCase {
  return clause(
    'C4',
    `onclose is called once on both ends, without a reason, when ${when}`,
    async (fixture) => {
      for (const ability of abilities) fixture.requireAbility(ability)
      const opened = await fixture.open()
      await opened.near.send(notification(0))
      await fixture.until(() => opened.atFar.messages.length === 1, 'a message arrived')
      await fixture.within(end(opened), 'close() returned')
      await fixture.within(Promise.all([opened.near.closed, opened.far.closed]), 'both ends closed')
      await turns()
      expectOneEnd(opened.atNear)
      expectOneEnd(opened.atFar)
      for (const end of [opened.near, opened.far])
        expect(await end.closed, 'closed after an orderly end').toBeUndefined()
      for (const { errors } of [opened.atNear, opened.atFar])
        expect(errors, 'errors reported to onerror at an orderly end').toEqual([])
    },
  )
}

function failsToStart(cause: string, kind: 'unreachable' | 'hangsUpDuringStart'): ClauseCase {
  return clause('C4', `onclose is called once when start() fails because ${cause}`, async (fixture) => {
    const { transport, recording } = await fixture.lone(kind)
    await settle(fixture, transport)
    expectOneEnd(recording)
    const reason = await fixture.within(transport.closed, 'closed settled')
    expect(reason, 'closed settles with the error of start()').toBeInstanceOf(Error)
    expect(
      recording.errors.filter((error) => error === reason),
      'calls of onerror with the reason of closed',
    ).toHaveLength(1)
  })
}

/** Waits for `start()` to settle. Other clauses test the outcome. */
async function settle(fixture: TransportFixture, transport: Transport): Promise<void> {
  const starting = transport.start().catch(() => {})
  await fixture.within(starting, 'start() settled')
  await fixture.within(transport.closed, 'closed settled')
  await turns()
}

function expectOneEnd(recording: Recording): void {
  expect(recording.closes, 'calls of onclose').toBe(1)
  expect(recording.messagesAfterClose, 'messages delivered after onclose').toBe(0)
}
