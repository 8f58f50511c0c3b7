import type { SendOptions } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { note, numbersOf } from '../sample-messages.js'

/** C14, as far as a medium alone can show it: `describeLayer` shows the rest. */
export const sendOptionCases: readonly ClauseCase[] = [
  clause('C14', 'send() leaves its options as they were, members nobody knows included', async (stage) => {
    const { near, atFar } = await stage.open()
    const options = optionsWithUnknownMembers()
    const before = Object.getOwnPropertyDescriptors(options)
    await stage.within(near.send(note(1), options), 'send() settled')
    await stage.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(Object.getOwnPropertyDescriptors(options)).toEqual(before)
    expect(numbersOf(atFar.messages)).toEqual([1])
  }),

  clause('C14', 'send() takes options and messages that are frozen', async (stage) => {
    const { near, atFar } = await stage.open()
    const message = note(1, { inner: Object.freeze({ deep: true }) })
    Object.freeze(message.params)
    Object.freeze(message)
    let sending: Promise<void> | undefined
    expect(() => {
      sending = near.send(message, Object.freeze(optionsWithUnknownMembers()))
    }).not.toThrow()
    await stage.within(sending ?? Promise.resolve(), 'send() settled')
    await stage.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(atFar.messages[0]).toEqual(message)
  }),
]

function optionsWithUnknownMembers(): SendOptions {
  return {
    onresumptiontoken: () => {},
    headers: Object.freeze({ 'x-test': '1' }),
    ...({ 'x-unknown': { deep: true }, [Symbol.for('test')]: 1, zero: 0, none: null } as object),
  }
}
