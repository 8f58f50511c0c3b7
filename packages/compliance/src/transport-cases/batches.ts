import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import type { Conversation } from '../conversation.js'
import { Exempt } from '../exempt.js'
import { answer, note, numbersOf, request } from '../sample-messages.js'
import { opposite, type Stage } from '../stage.js'
import type { Side } from '../transport-subject.js'

const WITH_BATCHES = '2025-03-26'
const INTRODUCED = 'the medium carries nothing before initialize'
const sides: readonly Side[] = ['near', 'far']

/** C18: batches. What is malformed is skipped here; that it is reported is for C10. */
export const batchCases: readonly ClauseCase[] = [
  accepts('near'),
  accepts('far'),
  refuses('nothing was negotiated', async (stage) => {
    if ((await stage.pair()).pair.initialize) throw new Exempt(INTRODUCED)
    return await stage.open()
  }),
  refuses('2025-06-18 was negotiated', (stage) => negotiated(stage, 'near', '2025-06-18')),
  refuses('2024-11-05 was negotiated', (stage) => negotiated(stage, 'near', '2024-11-05')),

  clause(
    'C18',
    'an answer to another request, or from the asker itself, negotiates nothing',
    async (stage) => {
      const staged = await stage.pair()
      if (staged.pair.initialize) throw new Exempt(INTRODUCED)
      const talk = await staged.open()
      await talk.sendRaw('far', JSON.stringify(request('a', 'test/ask')))
      await talk.sendRaw('far', JSON.stringify(request('b', 'initialize')))
      await talk.sendRaw('far', JSON.stringify(answer('b', { protocolVersion: WITH_BATCHES })))
      await stage.until(() => talk.atFar.messages.length === 3, 'all three arrived')
      await talk.far.send(answer('a', { protocolVersion: WITH_BATCHES }))
      await expectSkipped(stage, talk, 'far')
    },
  ),

  clause('C18', 'an initialize that was refused negotiates nothing', async (stage) => {
    const staged = await stage.pair()
    if (staged.pair.initialize) throw new Exempt(INTRODUCED)
    const talk = await staged.open()
    await talk.near.send(request('init', 'initialize'))
    await stage.until(() => talk.atFar.messages.length === 1, 'initialize arrived')
    const message = `only ${WITH_BATCHES}`
    await talk.far.send({ jsonrpc: '2.0', id: 'init', error: { code: -32_602, message, data: WITH_BATCHES } })
    await stage.until(() => talk.atNear.messages.length === 1, 'the refusal arrived')
    await expectSkipped(stage, talk, 'far')
  }),
]

function accepts(asker: Side): ClauseCase {
  return clause('C18', `both ends accept batches where ${asker} negotiated 2025-03-26`, async (stage) => {
    if (asker === 'far') stage.relyOn('farInitiates')
    const talk = await negotiated(stage, asker, WITH_BATCHES)
    for (const side of sides) {
      const { messages } = talk.at(side)
      messages.length = 0
      const bad = { jsonrpc: '2.0', id: 1.5, method: 'test/ask' }
      await talk.sendRaw(side, JSON.stringify([note(1), bad, request('x'), note(2)]))
      await talk.sendRaw(side, JSON.stringify(note(3)))
      await stage.until(
        () => numbersOf(messages).includes(3),
        `the message behind the batch arrived at ${side}`,
      )
      expect(messages).toEqual([note(1), request('x'), note(2), note(3)])
      expect(talk.end(side).state).toBe('open')
    }
  })
}

function refuses(where: string, opened: (stage: Stage) => Promise<Conversation>): ClauseCase {
  return clause('C18', `neither end accepts batches where ${where}`, async (stage) => {
    const talk = await opened(stage)
    for (const side of sides) await expectSkipped(stage, talk, side)
  })
}

async function expectSkipped(stage: Stage, talk: Conversation, side: Side): Promise<void> {
  const { messages } = talk.at(side)
  messages.length = 0
  await talk.sendRaw(side, JSON.stringify([note(1), note(2)]))
  await talk.sendRaw(side, JSON.stringify(note(3)))
  await stage.until(() => numbersOf(messages).includes(3), `the message behind the batch arrived at ${side}`)
  expect(numbersOf(messages)).toEqual([3])
}

async function negotiated(stage: Stage, asker: Side, version: string): Promise<Conversation> {
  const staged = await stage.pair()
  const talk = await staged.open({ version })
  if (staged.pair.initialize) return talk
  const answerer = opposite(asker)
  const asked = talk.end(asker).send(request('init', 'initialize'))
  await stage.until(() => talk.at(answerer).messages.length === 1, 'initialize arrived')
  await Promise.all([asked, talk.end(answerer).send(answer('init', { protocolVersion: version }))])
  await stage.until(() => talk.at(asker).messages.length === 1, 'its answer arrived')
  return talk
}
