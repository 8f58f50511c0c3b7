import { expect } from 'vitest'
import { Exempt } from '../clauses.js'
import type { OpenPair } from '../open-pair.js'
import { notification, numbersOf, request, response } from '../sample-messages.js'
import { type ClauseCase, clause, opposite, type TransportFixture } from '../transport-fixture.js'
import type { Side } from '../transport-subject.js'

const WITH_BATCHES = '2025-03-26'
const NEEDS_INITIALIZE = 'the medium carries nothing before initialize'
const sides: readonly Side[] = ['near', 'far']

/** C18: batches. C10 tests the reports of malformed messages. */
export const batchCases: readonly ClauseCase[] = [
  accepts('near'),
  accepts('far'),
  refuses('nothing was negotiated', async (fixture) => {
    if ((await fixture.pair()).pair.initialize) throw new Exempt(NEEDS_INITIALIZE)
    return await fixture.open()
  }),
  refuses('2025-06-18 was negotiated', (fixture) => negotiated(fixture, 'near', '2025-06-18')),
  refuses('2024-11-05 was negotiated', (fixture) => negotiated(fixture, 'near', '2024-11-05')),

  answersOnce('far'),
  answersOnce('near'),

  clause(
    'C18',
    'a response to another request, or from the requesting end, negotiates nothing',
    async (fixture) => {
      const unstarted = await fixture.pair()
      if (unstarted.pair.initialize) throw new Exempt(NEEDS_INITIALIZE)
      const opened = await unstarted.open()
      await opened.sendRaw('far', JSON.stringify(request('a', 'test/ask')))
      await opened.sendRaw('far', JSON.stringify(request('b', 'initialize')))
      await opened.sendRaw('far', JSON.stringify(response('b', { protocolVersion: WITH_BATCHES })))
      await fixture.until(() => opened.atFar.messages.length === 3, 'all three messages arrived')
      await opened.far.send(response('a', { protocolVersion: WITH_BATCHES }))
      await expectSkipped(fixture, opened, 'far')
    },
  ),

  clause('C18', 'a failed initialize negotiates nothing', async (fixture) => {
    const unstarted = await fixture.pair()
    if (unstarted.pair.initialize) throw new Exempt(NEEDS_INITIALIZE)
    const opened = await unstarted.open()
    await opened.near.send(request('init', 'initialize'))
    await fixture.until(() => opened.atFar.messages.length === 1, 'initialize arrived')
    const message = `only ${WITH_BATCHES}`
    await opened.far.send({
      jsonrpc: '2.0',
      id: 'init',
      error: { code: -32_602, message, data: WITH_BATCHES },
    })
    await fixture.until(() => opened.atNear.messages.length === 1, 'the error response arrived')
    await expectSkipped(fixture, opened, 'far')
  }),
]

function accepts(requester: Side): ClauseCase {
  return clause(
    'C18',
    `both ends accept batches after ${requester} negotiated 2025-03-26`,
    async (fixture) => {
      if (requester === 'far') fixture.requireAbility('farInitiates')
      const opened = await negotiated(fixture, requester, WITH_BATCHES)
      for (const side of sides) {
        const { messages } = opened.at(side)
        messages.length = 0
        const bad = { jsonrpc: '2.0', id: 1.5, method: 'test/ask' }
        await opened.sendRaw(side, JSON.stringify([notification(1), bad, request('x'), notification(2)]))
        await opened.sendRaw(side, JSON.stringify(notification(3)))
        await fixture.until(
          () => numbersOf(messages).includes(3),
          `the message after the batch arrived at ${side}`,
        )
        // Raw input that is sent while the other end receives a response could get into the middle of it.
        const other = opened.at(opposite(side)).messages
        if (fixture.hasAbility('answersMalformed'))
          await fixture.until(() => other.some((message) => 'error' in message), 'the response arrived')
        const delivered = messages.filter((message) => !('error' in message))
        expect(delivered, 'the messages that arrived').toEqual([
          notification(1),
          request('x'),
          notification(2),
          notification(3),
        ])
        expect(opened.end(side).state, 'state of the transport').toBe('open')
      }
    },
  )
}

function answersOnce(receiver: Side): ClauseCase {
  return clause('C18', `the ${receiver} end answers a batch with one error`, async (fixture) => {
    fixture.requireAbility('answersMalformed')
    const opened = await fixture.open()
    const sender = opposite(receiver)
    const { messages } = opened.at(sender)
    const batches = [[request(1), request(2)], [notification(1)], [request(3), response(4)]]
    for (const [index, batch] of batches.entries()) {
      await opened.sendRaw(receiver, JSON.stringify(batch))
      await fixture.until(() => messages.length === 2 * index + 1, 'the response arrived')
      const { id, error } = messages.at(-1) as { id?: unknown; error?: { code: number } }
      expect([id ?? null, error?.code], 'id and code of the response').toEqual([null, -32_600])
      // Whatever follows the response has arrived before this message.
      await opened.end(receiver).send(notification(index))
      await fixture.until(() => messages.length === 2 * index + 2, 'the next message arrived')
    }
  })
}

function refuses(when: string, open: (fixture: TransportFixture) => Promise<OpenPair>): ClauseCase {
  return clause('C18', `neither end accepts batches when ${when}`, async (fixture) => {
    const opened = await open(fixture)
    for (const side of sides) await expectSkipped(fixture, opened, side)
  })
}

async function expectSkipped(fixture: TransportFixture, opened: OpenPair, side: Side): Promise<void> {
  const { messages } = opened.at(side)
  messages.length = 0
  await opened.sendRaw(side, JSON.stringify([notification(1), notification(2)]))
  await opened.sendRaw(side, JSON.stringify(notification(3)))
  await fixture.until(() => numbersOf(messages).includes(3), `the message after the batch arrived at ${side}`)
  expect(numbersOf(messages), 'numbers of the messages, in order').toEqual([3])
}

async function negotiated(fixture: TransportFixture, requester: Side, version: string): Promise<OpenPair> {
  const unstarted = await fixture.pair()
  const opened = await unstarted.open({ version })
  if (unstarted.pair.initialize) return opened
  const responder = opposite(requester)
  const sending = opened.end(requester).send(request('init', 'initialize'))
  await fixture.until(() => opened.at(responder).messages.length === 1, 'initialize arrived')
  await Promise.all([sending, opened.end(responder).send(response('init', { protocolVersion: version }))])
  await fixture.until(() => opened.at(requester).messages.length === 1, 'the response arrived')
  return opened
}
