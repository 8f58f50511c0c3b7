import { isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { Exempt } from '../clauses.js'
import { malformedIds, malformedRequests, malformedResponses, malformedTexts } from '../malformed-messages.js'
import { notification, numbersOf, request } from '../sample-messages.js'
import { type ClauseCase, clause, opposite, type TransportFixture } from '../transport-fixture.js'
import type { Side } from '../transport-subject.js'

const PREVIEW_BYTES = 64
const MAX_IN_A_ROW = 10

/** C10: malformed input. */
export const malformedCases: readonly ClauseCase[] = [
  skips('far', 'texts that are no messages', malformedTexts),
  skips('near', 'texts that are no messages', malformedTexts),
  skips('far', 'messages with invalid ids', malformedIds),
  skips('near', 'messages with invalid ids', malformedIds),

  clause('C10', 'invalid UTF-8 is skipped', async (fixture) => {
    const opened = await fixture.open()
    for (const bytes of [
      [0xff, 0xfe],
      [0xc3, 0x28],
      [0x7b, 0x22, 0xe2, 0x82, 0x22, 0x7d],
    ]) {
      await opened.sendRawBytes('far', Uint8Array.from(bytes))
    }
    await opened.sendRaw('far', JSON.stringify(notification(1)))
    await fixture.until(() => opened.atFar.messages.length > 0, 'the next message arrived')
    expect(numbersOf(opened.atFar.messages), 'numbers of the messages that arrived at the far end').toEqual([
      1,
    ])
    if (!tolerates(fixture, 'far'))
      expect(malformed(opened.atFar.errors), 'errors MALFORMED_MESSAGE at the far end').not.toEqual([])
  }),

  clause(
    'C10',
    'a message with unknown members and surrounding white space is delivered',
    async (fixture) => {
      const opened = await fixture.open()
      await opened.sendRaw('far', `  \t${JSON.stringify({ ...notification(1), 'x-unknown': [1] })} \r`)
      await opened.sendRaw('far', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"unread"}}')
      await fixture.until(() => opened.atFar.messages.length === 2, 'both messages arrived')
      expect(malformed(opened.atFar.errors), 'errors MALFORMED_MESSAGE for valid messages').toEqual([])
    },
  ),

  clause('C10', 'nine malformed messages in a row do not close the connection', async (fixture) => {
    const opened = await fixture.open()
    for (const n of [1, 2]) {
      for (let bad = 1; bad < MAX_IN_A_ROW; bad++) await opened.sendRaw('far', `not json ${bad}`)
      await opened.sendRaw('far', JSON.stringify(notification(n)))
    }
    await fixture.until(() => opened.atFar.messages.length === 2, 'both messages arrived')
    expect(numbersOf(opened.atFar.messages), 'numbers of the messages that arrived at the far end').toEqual([
      1, 2,
    ])
    expect(opened.far.state, 'state of the transport').toBe('open')
  }),

  settles('near'),
  settles('far'),
  answers('far'),
  answers('near'),
  reportsOnce('far'),
  reportsOnce('near'),
  endsAfterTen('far'),
  endsAfterTen('near'),
  toleratesStrayOutput('far'),
  toleratesStrayOutput('near'),
]

function tolerates(fixture: TransportFixture, side: Side): boolean {
  return fixture.subject.capabilities?.toleratesStrayOutput?.includes(side) ?? false
}

function skips(to: Side, description: string, texts: readonly string[]): ClauseCase {
  return clause('C10', `the ${to} end skips ${description} and delivers the others`, async (fixture) => {
    const opened = await fixture.open()
    const recording = opened.at(to)
    for (const [index, text] of texts.entries()) {
      await opened.sendRaw(to, text)
      await opened.sendRaw(to, JSON.stringify(notification(index)))
      await fixture.until(
        () => numbersOf(recording.messages).at(-1) === index,
        `the message after ${text} arrived`,
      )
      expect(recording.messages.length, `${text} was delivered`).toBe(index + 1)
      if (tolerates(fixture, to)) continue
      const reports = malformed(recording.errors)
      expect(reports.length, 'a malformed message was reported').toBeGreaterThan(0)
      expect(reports.length, 'each message was reported once').toBeLessThanOrEqual(index + 1)
      for (const { details } of reports)
        expect(
          new TextEncoder().encode(details.preview).length,
          'bytes of details.preview',
        ).toBeLessThanOrEqual(PREVIEW_BYTES)
    }
    expect(opened.end(to).state, 'state of the transport').toBe('open')
  })
}

/** The requester gets an error for a malformed response, and valid ones around it still arrive. */
function settles(requester: Side): ClauseCase {
  return clause('C10', `a malformed response settles a request of the ${requester} end`, async (fixture) => {
    if (requester === 'far') fixture.requireAbility('farInitiates')
    const opened = await fixture.open()
    const { messages, errors } = opened.at(requester)
    for (const [index, text] of malformedResponses.entries()) {
      const id = 100 + index
      // Over HTTP it settles with the response of its POST.
      opened.end(requester).send(request(id)).catch(ignore)
      const { messages: received } = opened.at(opposite(requester))
      await fixture.until(() => received.length === 2 * index + 1, `request ${id} arrived`)
      await opened.sendRaw(requester, text(id))
      await fixture.until(() => messages.length === 2 * index + 1, `${text(id)} settled its request`)
      const { error } = messages.at(-1) as { error?: { data?: unknown } }
      expect(messages.at(-1), text(id)).toMatchObject({ id })
      expect(error?.data, text(id)).toMatchObject({ code: 'MALFORMED_MESSAGE' })
      await opened.end(requester).send(notification(index))
      await opened.end(opposite(requester)).send(notification(index))
      await fixture.until(
        () => messages.length === 2 * index + 2 && received.length === 2 * index + 2,
        'the messages after it arrived',
      )
    }
    expect(malformed(errors), 'errors MALFORMED_MESSAGE').toHaveLength(malformedResponses.length)
  })
}

/** The sender of a malformed request gets an error response. */
function answers(receiver: Side): ClauseCase {
  return clause('C10', `the ${receiver} end answers malformed requests`, async (fixture) => {
    fixture.requireAbility('answersMalformed')
    const opened = await fixture.open()
    const { messages } = opened.at(opposite(receiver))
    for (const [text, id] of malformedRequests) {
      const before = messages.length
      await opened.sendRaw(receiver, text)
      await fixture.until(() => messages.length > before, `${text} was answered`)
      const { id: answered, error } = messages.at(-1) as { id?: unknown; error?: { code: number } }
      expect(answered ?? null, text).toBe(id)
      expect(error?.code, text).toBeOneOf([-32_600, -32_700])
      await opened.sendRaw(receiver, JSON.stringify(notification(1)))
    }
    expect(opened.end(receiver).state, 'state of the transport').toBe('open')
  })
}

function reportsOnce(to: Side): ClauseCase {
  return clause('C10', `the ${to} end reports each kind of malformed message once`, async (fixture) => {
    if (tolerates(fixture, to)) throw new Exempt('the medium carries stray output')
    const opened = await fixture.open()
    const { messages, errors } = opened.at(to)
    for (let n = 1; n <= 9; n++) {
      await opened.sendRaw(to, '{"jsonrpc":"2.0","method":7}')
      await opened.sendRaw(to, JSON.stringify(notification(n)))
    }
    await fixture.until(() => messages.length === 9, 'the other messages arrived')
    expect(malformed(errors), 'errors MALFORMED_MESSAGE').toHaveLength(1)
  })
}

function endsAfterTen(to: Side): ClauseCase {
  return clause('C10', `ten malformed messages in a row close the ${to} end`, async (fixture) => {
    if (tolerates(fixture, to)) throw new Exempt('the medium carries stray output')
    const opened = await fixture.open()
    for (let bad = 1; bad <= MAX_IN_A_ROW; bad++) await opened.sendRaw(to, `not json ${bad}`)
    const reason = await fixture.within(opened.end(to).closed, 'the end closed')
    expect(isTransportError(reason, 'MALFORMED_MESSAGE'), 'the connection ends with MALFORMED_MESSAGE').toBe(
      true,
    )
    expect(opened.at(to).messages, 'messages delivered from malformed input').toEqual([])
    await fixture.within(opened.end(to === 'far' ? 'near' : 'far').closed, 'the other end closed')
  })
}

function toleratesStrayOutput(to: Side): ClauseCase {
  return clause(
    'C10',
    `stray output never closes the ${to} end of a medium that carries it`,
    async (fixture) => {
      if (!tolerates(fixture, to)) throw new Exempt('the medium carries no stray output')
      const opened = await fixture.open()
      for (let line = 0; line < 3 * MAX_IN_A_ROW; line++) await opened.sendRaw(to, `npm warn ${line}`)
      await opened.sendRaw(to, JSON.stringify(notification(1)))
      await fixture.until(() => opened.at(to).messages.length === 1, 'the next message arrived')
      expect(opened.end(to).state, 'state of the transport').toBe('open')
    },
  )
}

function ignore(): void {}

function malformed(errors: readonly Error[]): { details: { readonly preview: string } }[] {
  return errors.filter((error) => isTransportError(error, 'MALFORMED_MESSAGE'))
}
