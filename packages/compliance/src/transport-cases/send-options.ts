import type { SendOptions } from '@mcpwire/core'
import { expect } from 'vitest'
import { notification, numbersOf } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'

/** C14 for a transport. `describeLayer` tests it for layers. */
export const sendOptionCases: readonly ClauseCase[] = [
  clause('C14', 'send() does not modify its options, including unknown members', async (fixture) => {
    const { near, atFar } = await fixture.open()
    const options = optionsWithUnknownMembers()
    const before = Object.getOwnPropertyDescriptors(options)
    await fixture.within(near.send(notification(1), options), 'send() settled')
    await fixture.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(Object.getOwnPropertyDescriptors(options), 'the options after send()').toEqual(before)
    expect(numbersOf(atFar.messages), 'numbers of the messages that arrived at the far end').toEqual([1])
  }),

  clause('C14', 'send() accepts frozen options and messages', async (fixture) => {
    const { near, atFar } = await fixture.open()
    const message = notification(1, { inner: Object.freeze({ deep: true }) })
    Object.freeze(message.params)
    Object.freeze(message)
    let sending: Promise<void> | undefined
    expect(() => {
      sending = near.send(message, Object.freeze(optionsWithUnknownMembers()))
    }, 'the call throws nothing').not.toThrow()
    await fixture.within(sending ?? Promise.resolve(), 'send() settled')
    await fixture.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(atFar.messages[0], 'the message that arrived').toEqual(message)
  }),
]

function optionsWithUnknownMembers(): SendOptions {
  return {
    onresumptiontoken: () => {},
    headers: Object.freeze({ 'x-test': '1' }),
    ...({ 'x-unknown': { deep: true }, [Symbol.for('test')]: 1, zero: 0, none: null } as object),
  }
}
