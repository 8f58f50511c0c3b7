import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { note, numbersOf } from '../sample-messages.js'

/** C16 and C17: what the MCP SDKs expect of a transport as an object. */
export const objectCases: readonly ClauseCase[] = [
  clause('C16', 'has no sessionId before its peer has said anything', async (stage) => {
    const staged = await stage.pair()
    expect(staged.near.sessionId).toBeUndefined()
    await (staged.pair.initialize ? staged.near.start() : staged.open())
    expect(staged.near.sessionId).toBeUndefined()
  }),

  clause('C17', 'takes new members, and its methods may be reassigned on the instance', async (stage) => {
    const staged = await stage.pair()
    const { near } = staged
    expect(Object.isExtensible(near)).toBe(true)
    const called: string[] = []
    const start = near.start.bind(near)
    const send = near.send.bind(near)
    near.start = async (options) => {
      called.push('start')
      await start(options)
    }
    near.send = async (message, options) => {
      called.push('send')
      await send(message, options)
    }
    Object.assign(near, { note: 'ours' })
    const { atNear, atFar } = await staged.open()
    called.length = 0
    await near.send(note(1))
    await stage.until(() => numbersOf(atFar.messages).includes(1), 'the message arrived')
    expect(called).toEqual(['send'])
    expect(near).toMatchObject({ note: 'ours' })
    await stage.within(near.close(), 'close() returned')
    expect(atNear.closes).not.toBe(0)
  }),

  clause('C17', 'its slots may be set, read and cleared at any time', async (stage) => {
    const { near, far, atFar } = await stage.open()
    const { onmessage } = far
    let chained = 0
    far.onmessage = (message, context) => {
      chained++
      onmessage?.(message, context)
    }
    await near.send(note(1))
    await stage.until(() => atFar.messages.length === 1, 'the message arrived')
    expect(chained).toBe(1)
    far.onclose = undefined
    expect(far.onclose).toBeUndefined()
  }),

  clause('C17', 'setProtocolVersion may be called in any state', async (stage) => {
    const staged = await stage.pair()
    staged.near.setProtocolVersion?.('2025-06-18')
    const { near, atFar } = await staged.open()
    near.setProtocolVersion?.('2025-06-18')
    await near.send(note(1))
    await stage.until(() => numbersOf(atFar.messages).includes(1), 'the message arrived')
    await stage.within(near.close(), 'close() returned')
    expect(() => near.setProtocolVersion?.('2025-06-18')).not.toThrow()
  }),
]
