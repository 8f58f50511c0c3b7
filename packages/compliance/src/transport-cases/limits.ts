import { isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import type { OpenPair } from '../open-pair.js'
import { createSendLog } from '../recording.js'
import { notification, notificationOfBytes, numbersOf } from '../sample-messages.js'
import type { TransportFixture } from '../transport-fixture.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import type { Side } from '../transport-subject.js'
import { turn, turns } from '../waiting.js'

const MAX_MESSAGE_BYTES = 4_096
const MAX_QUEUED_BYTES = 131_072
const QUEUED_MESSAGE_BYTES = 8_192
const MAX_MESSAGES = 8_192
/** Exceeds the limit by more than one chunk of any medium. */
const UNFINISHED_BYTES = 4 * 65_536

/** C9: limits. */
export const limitCases: readonly ClauseCase[] = [
  clause('C9', 'a message of exactly maxMessageBytes passes', async (fixture) => {
    const { near, atFar } = await fixture.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    const message = notificationOfBytes(1, MAX_MESSAGE_BYTES)
    await fixture.within(near.send(message), 'send() settled')
    await fixture.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(atFar.messages[0], 'the message that arrived').toEqual(message)
  }),

  clause('C9', 'maxMessageBytes counts bytes of UTF-8, not characters', async (fixture) => {
    fixture.requireAbility('countsBytes')
    const { near, atFar } = await fixture.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    const overhead = JSON.stringify(notification(1, { fill: '' })).length
    const most = Math.floor((MAX_MESSAGE_BYTES - overhead) / 3)
    await fixture.within(near.send(notification(1, { fill: '語'.repeat(most) })), 'send() settled')
    await expectTooLarge(near.send(notification(2, { fill: '語'.repeat(most + 1) })))
    await fixture.until(() => atFar.messages.length === 1, 'the message arrived')
  }),

  clause(
    'C9',
    'send() rejects a message of one byte more with MESSAGE_TOO_LARGE, and the others arrive',
    async (fixture) => {
      const { near, atFar } = await fixture.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
      await near.send(notification(0))
      await expectTooLarge(
        fixture.within(near.send(notificationOfBytes(1, MAX_MESSAGE_BYTES + 1)), 'send() settled'),
      )
      await near.send(notification(2))
      await fixture.until(() => numbersOf(atFar.messages).includes(2), 'the next message arrived')
      expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual([0, 2])
    },
  ),

  rejectsTooLong('far'),
  rejectsTooLong('near'),

  clause('C9', 'an endless message is rejected at the limit without buffering the rest', async (fixture) => {
    const opened = await fixture.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    await opened.sendUnfinished('far', `{"jsonrpc":"2.0","method":"${'x'.repeat(UNFINISHED_BYTES)}`)
    await fixture.until(() => hasReportedTooLarge(opened, 'far'), 'MESSAGE_TOO_LARGE was reported')
  }),

  clause(
    'C9',
    'the send queue holds at most maxQueuedBytes for a peer that does not read',
    async (fixture) => {
      const opened = await fixture.open({ maxQueuedBytes: MAX_QUEUED_BYTES, closeTimeoutMs: 100 })
      opened.stall('far')
      const log = createSendLog(opened.near)
      let highest = 0
      for (let sent = 0; log.failures.length === 0 && sent < MAX_MESSAGES; sent++) {
        log.send(notificationOfBytes(sent, QUEUED_MESSAGE_BYTES))
        await turn()
        highest = Math.max(highest, log.pendingBytes)
      }
      expect(log.failures, 'sends that were rejected').toHaveLength(1)
      expect(highest, 'queued bytes').toBeLessThanOrEqual(MAX_QUEUED_BYTES)
    },
  ),
]

function rejectsTooLong(to: Side): ClauseCase {
  const title = `the ${to} end rejects a received message of one byte more than maxMessageBytes`
  return clause('C9', title, async (fixture) => {
    const opened = await fixture.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    await opened.sendRaw(to, JSON.stringify(notification(0)))
    await fixture.until(() => opened.at(to).messages.length === 1, 'a message before it arrived')
    await opened.sendRaw(to, JSON.stringify(notificationOfBytes(1, MAX_MESSAGE_BYTES + 1)))
    await fixture.until(() => hasReportedTooLarge(opened, to), 'MESSAGE_TOO_LARGE was reported')
    expect(numbersOf(opened.at(to).messages), 'numbers of the messages, in order').toEqual([0])
    await expectEndedOrIntact(fixture, opened, to)
  })
}

/** A message over the limit closes the connection with that reason, or only the message is skipped. */
async function expectEndedOrIntact(fixture: TransportFixture, opened: OpenPair, to: Side): Promise<void> {
  await turns()
  const end = opened.end(to)
  if (end.state === 'open') {
    await opened.sendRaw(to, JSON.stringify(notification(2)))
    await fixture.until(() => numbersOf(opened.at(to).messages).includes(2), 'the next message arrived')
  } else {
    expect(
      isTransportError(await fixture.within(end.closed, 'the end closed'), 'MESSAGE_TOO_LARGE'),
      'the connection ends with MESSAGE_TOO_LARGE',
    ).toBe(true)
  }
}

function hasReportedTooLarge(opened: OpenPair, side: Side): boolean {
  return opened
    .at(side)
    .errors.some(
      (error) =>
        isTransportError(error, 'MESSAGE_TOO_LARGE') && error.details.maxMessageBytes === MAX_MESSAGE_BYTES,
    )
}

async function expectTooLarge(sending: Promise<void>): Promise<void> {
  await expect(sending, 'error that send() rejects with').rejects.toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { maxMessageBytes: MAX_MESSAGE_BYTES },
  })
}
