import { expect } from 'vitest'
import { notification, numbersOf } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'

/** C16 and C17: requirements of the MCP SDKs on the object. */
export const objectCases: readonly ClauseCase[] = [
  clause('C16', 'sessionId is undefined before the peer has sent a message', async (fixture) => {
    const unstarted = await fixture.pair()
    expect(unstarted.near.sessionId, 'sessionId before start()').toBeUndefined()
    await (unstarted.pair.initialize ? unstarted.near.start() : unstarted.open())
    expect(unstarted.near.sessionId, 'sessionId after the connection was created').toBeUndefined()
  }),

  clause('C17', 'members can be added, and methods reassigned on the instance', async (fixture) => {
    const unstarted = await fixture.pair()
    const { near } = unstarted
    expect(Object.isExtensible(near), 'the transport is an extensible object').toBe(true)
    const calls: string[] = []
    const start = near.start.bind(near)
    const send = near.send.bind(near)
    near.start = async (options) => {
      calls.push('start')
      await start(options)
    }
    near.send = async (message, options) => {
      calls.push('send')
      await send(message, options)
    }
    Object.assign(near, { custom: true })
    const { atNear, atFar } = await unstarted.open()
    calls.length = 0
    await near.send(notification(1))
    await fixture.until(() => numbersOf(atFar.messages).includes(1), 'the message arrived')
    expect(calls, 'calls of the replaced methods').toEqual(['send'])
    expect(near, 'members of the transport').toMatchObject({ custom: true })
    await fixture.within(near.close(), 'close() returned')
    expect(atNear.closes, 'calls of onclose').not.toBe(0)
  }),

  clause('C17', 'slots may be set, read and unset at any time', async (fixture) => {
    const { near, far, atFar } = await fixture.open()
    const { onmessage } = far
    let chained = 0
    far.onmessage = (message, context) => {
      chained++
      onmessage?.(message, context)
    }
    await near.send(notification(1))
    await fixture.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(chained, 'calls of the replaced onmessage').toBe(1)
    far.onclose = undefined
    expect(far.onclose, 'onclose after it was removed').toBeUndefined()
  }),

  clause('C17', 'setProtocolVersion may be called in any state', async (fixture) => {
    const unstarted = await fixture.pair()
    unstarted.near.setProtocolVersion?.('2025-06-18')
    const { near, atFar } = await unstarted.open()
    near.setProtocolVersion?.('2025-06-18')
    await near.send(notification(1))
    await fixture.until(() => numbersOf(atFar.messages).includes(1), 'the message arrived')
    await fixture.within(near.close(), 'close() returned')
    expect(() => near.setProtocolVersion?.('2025-06-18'), 'the call throws nothing').not.toThrow()
  }),
]
