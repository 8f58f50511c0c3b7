import { isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import type { Conversation } from '../conversation.js'
import { note, noteOfBytes, numbersOf } from '../sample-messages.js'
import { createSendLog } from '../send-log.js'
import type { Stage } from '../stage.js'
import type { Side } from '../transport-subject.js'
import { turn, turns } from '../waiting.js'

const MAX_MESSAGE_BYTES = 4_096
const MAX_QUEUED_BYTES = 131_072
const PIECE_BYTES = 8_192
const MOST_PIECES = 8_192
/** More than one chunk of any medium on top of the limit. */
const UNFINISHED_BYTES = 4 * 65_536

/** C9: what is held is bounded. */
export const limitCases: readonly ClauseCase[] = [
  clause('C9', 'a message of exactly maxMessageBytes passes', async (stage) => {
    const { near, atFar } = await stage.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    const message = noteOfBytes(1, MAX_MESSAGE_BYTES)
    await stage.within(near.send(message), 'send() settled')
    await stage.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(atFar.messages[0]).toEqual(message)
  }),

  clause('C9', 'maxMessageBytes counts bytes of UTF-8, not characters', async (stage) => {
    stage.relyOn('countsBytes')
    const { near, atFar } = await stage.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    const overhead = JSON.stringify(note(1, { fill: '' })).length
    const most = Math.floor((MAX_MESSAGE_BYTES - overhead) / 3)
    await stage.within(near.send(note(1, { fill: '語'.repeat(most) })), 'send() settled')
    await expectTooLarge(near.send(note(2, { fill: '語'.repeat(most + 1) })))
    await stage.until(() => atFar.messages.length === 1, 'the message arrived')
  }),

  clause(
    'C9',
    'a message of our own that is a byte longer is refused, and the others arrive',
    async (stage) => {
      const { near, atFar } = await stage.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
      await near.send(note(0))
      await expectTooLarge(stage.within(near.send(noteOfBytes(1, MAX_MESSAGE_BYTES + 1)), 'send() settled'))
      await near.send(note(2))
      await stage.until(() => numbersOf(atFar.messages).includes(2), 'the next message arrived')
      expect(numbersOf(atFar.messages)).toEqual([0, 2])
    },
  ),

  refusesTooLong('far'),
  refusesTooLong('near'),

  clause('C9', 'a piece that never ends is cut off at the limit, not collected', async (stage) => {
    const talk = await stage.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    await talk.sendUnfinished('far', `{"jsonrpc":"2.0","method":"${'x'.repeat(UNFINISHED_BYTES)}`)
    await stage.until(() => heardTooLarge(talk, 'far'), 'MESSAGE_TOO_LARGE was reported')
  }),

  clause('C9', 'no more than maxQueuedBytes wait for a peer that reads nothing', async (stage) => {
    const talk = await stage.open({ maxQueuedBytes: MAX_QUEUED_BYTES, closeTimeoutMs: 100 })
    talk.stall('far')
    const log = createSendLog(talk.near)
    let most = 0
    for (let sent = 0; log.failures.length === 0 && sent < MOST_PIECES; sent++) {
      log.send(noteOfBytes(sent, PIECE_BYTES))
      await turn()
      most = Math.max(most, log.pendingBytes)
    }
    expect(log.failures).toHaveLength(1)
    expect(most).toBeLessThanOrEqual(MAX_QUEUED_BYTES)
  }),
]

function refusesTooLong(to: Side): ClauseCase {
  const title = `a message from the peer that is a byte over maxMessageBytes is refused by the ${to} end, not delivered`
  return clause('C9', title, async (stage) => {
    const talk = await stage.open({ maxMessageBytes: MAX_MESSAGE_BYTES })
    await talk.sendRaw(to, JSON.stringify(note(0)))
    await stage.until(() => talk.at(to).messages.length === 1, 'a message before it arrived')
    await talk.sendRaw(to, JSON.stringify(noteOfBytes(1, MAX_MESSAGE_BYTES + 1)))
    await stage.until(() => heardTooLarge(talk, to), 'MESSAGE_TOO_LARGE was reported')
    expect(numbersOf(talk.at(to).messages)).toEqual([0])
    await expectEndedOrIntact(stage, talk, to)
  })
}

/** A message over the limit ends the conversation for that reason, or only itself. */
async function expectEndedOrIntact(stage: Stage, talk: Conversation, to: Side): Promise<void> {
  await turns()
  const end = talk.end(to)
  if (end.state === 'open') {
    await talk.sendRaw(to, JSON.stringify(note(2)))
    await stage.until(() => numbersOf(talk.at(to).messages).includes(2), 'the next message arrived')
  } else {
    expect(isTransportError(await stage.within(end.closed, 'it closed'), 'MESSAGE_TOO_LARGE')).toBe(true)
  }
}

function heardTooLarge(talk: Conversation, side: Side): boolean {
  return talk
    .at(side)
    .errors.some(
      (error) =>
        isTransportError(error, 'MESSAGE_TOO_LARGE') && error.details.maxMessageBytes === MAX_MESSAGE_BYTES,
    )
}

async function expectTooLarge(sending: Promise<void>): Promise<void> {
  await expect(sending).rejects.toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { maxMessageBytes: MAX_MESSAGE_BYTES },
  })
}
