import { isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { Exempt } from '../exempt.js'
import { hostileIds, hostilePieces } from '../hostile-pieces.js'
import { note, numbersOf } from '../sample-messages.js'
import type { Stage } from '../stage.js'
import type { Side } from '../transport-subject.js'

const PREVIEW_BYTES = 64
const MOST_IN_A_ROW = 10

/** C10: malformed input. */
export const malformedCases: readonly ClauseCase[] = [
  skips('far', 'what is no message', hostilePieces),
  skips('near', 'what is no message', hostilePieces),
  skips('far', 'an id that is neither a string nor a safe integer', hostileIds),
  skips('near', 'an id that is neither a string nor a safe integer', hostileIds),

  clause('C10', 'bytes that are not UTF-8 are skipped', async (stage) => {
    const talk = await stage.open()
    for (const bytes of [
      [0xff, 0xfe],
      [0xc3, 0x28],
      [0x7b, 0x22, 0xe2, 0x82, 0x22, 0x7d],
    ]) {
      await talk.sendRawBytes('far', Uint8Array.from(bytes))
    }
    await talk.sendRaw('far', JSON.stringify(note(1)))
    await stage.until(() => talk.atFar.messages.length > 0, 'the message behind arrived')
    expect(numbersOf(talk.atFar.messages)).toEqual([1])
    if (!tolerates(stage, 'far')) expect(malformed(talk.atFar.errors)).toHaveLength(3)
  }),

  clause(
    'C10',
    'white space around a message and members nobody knows are no reason to skip it',
    async (stage) => {
      const talk = await stage.open()
      await talk.sendRaw('far', `  \t${JSON.stringify({ ...note(1), 'x-unknown': [1] })} \r`)
      await talk.sendRaw('far', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"unread"}}')
      await stage.until(() => talk.atFar.messages.length === 2, 'both messages arrived')
      expect(malformed(talk.atFar.errors)).toEqual([])
    },
  ),

  clause('C10', 'nine in a row, a message, and nine more leave the conversation open', async (stage) => {
    const talk = await stage.open()
    for (const n of [1, 2]) {
      for (let bad = 1; bad < MOST_IN_A_ROW; bad++) await talk.sendRaw('far', `not json ${bad}`)
      await talk.sendRaw('far', JSON.stringify(note(n)))
    }
    await stage.until(() => talk.atFar.messages.length === 2, 'both messages arrived')
    expect(numbersOf(talk.atFar.messages)).toEqual([1, 2])
    expect(talk.far.state).toBe('open')
  }),

  endsAfterTen('far'),
  endsAfterTen('near'),
  toleratesStrayOutput('far'),
  toleratesStrayOutput('near'),
]

function tolerates(stage: Stage, side: Side): boolean {
  return stage.subject.capabilities?.toleratesStrayOutput?.includes(side) ?? false
}

function skips(to: Side, what: string, pieces: readonly string[]): ClauseCase {
  return clause('C10', `the ${to} end reports and skips ${what}, and nothing around it`, async (stage) => {
    const talk = await stage.open()
    const recording = talk.at(to)
    for (const [index, piece] of pieces.entries()) {
      await talk.sendRaw(to, piece)
      await talk.sendRaw(to, JSON.stringify(note(index)))
      await stage.until(
        () => numbersOf(recording.messages).at(-1) === index,
        `the message behind ${piece} arrived`,
      )
      expect(recording.messages.length, `${piece} was delivered`).toBe(index + 1)
      if (tolerates(stage, to)) continue
      const reports = malformed(recording.errors)
      expect(reports.length, `${piece} was reported`).toBe(index + 1)
      const { preview } = reports[index]?.details ?? { preview: undefined }
      expect(new TextEncoder().encode(preview).length).toBeLessThanOrEqual(PREVIEW_BYTES)
    }
    expect(talk.end(to).state).toBe('open')
  })
}

function endsAfterTen(to: Side): ClauseCase {
  return clause('C10', `ten malformed pieces in a row close the ${to} end`, async (stage) => {
    if (tolerates(stage, to)) throw new Exempt('the medium carries foreign output')
    const talk = await stage.open()
    for (let bad = 1; bad <= MOST_IN_A_ROW; bad++) await talk.sendRaw(to, `not json ${bad}`)
    const reason = await stage.within(talk.end(to).closed, 'it closed')
    expect(isTransportError(reason, 'MALFORMED_MESSAGE')).toBe(true)
    expect(talk.at(to).messages).toEqual([])
    await stage.within(talk.end(to === 'far' ? 'near' : 'far').closed, 'the other end closed')
  })
}

function toleratesStrayOutput(to: Side): ClauseCase {
  return clause(
    'C10',
    `noise never closes the ${to} end of a medium that carries foreign output`,
    async (stage) => {
      if (!tolerates(stage, to)) throw new Exempt('the medium carries no foreign output')
      const talk = await stage.open()
      for (let line = 0; line < 3 * MOST_IN_A_ROW; line++) await talk.sendRaw(to, `npm warn ${line}`)
      await talk.sendRaw(to, JSON.stringify(note(1)))
      await stage.until(() => talk.at(to).messages.length === 1, 'the message behind arrived')
      expect(talk.end(to).state).toBe('open')
    },
  )
}

function malformed(errors: readonly Error[]): { details: { readonly preview: string } }[] {
  return errors.filter((error) => isTransportError(error, 'MALFORMED_MESSAGE'))
}
