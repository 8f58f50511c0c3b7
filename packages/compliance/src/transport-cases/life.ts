import { isTransportError, type Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { note } from '../sample-messages.js'
import { turns } from '../waiting.js'

/** C1: one life. */
export const lifeCases: readonly ClauseCase[] = [
  clause('C1', 'goes from idle to open to closed, and says so', async (stage) => {
    const { near, pair } = await stage.pair()
    expect(near.state).toBe('idle')
    if (!(pair.far instanceof Promise)) expect(pair.far.state).toBe('idle')
    const fresh = await stage.pair()
    const opening = fresh.open()
    expect(['starting', 'open']).toContain(fresh.near.state)
    const talk = await opening
    expect([talk.near.state, talk.far.state]).toEqual(['open', 'open'])
    const closing = talk.near.close()
    expect(['closing', 'closed']).toContain(talk.near.state)
    await stage.within(Promise.all([closing, talk.near.closed, talk.far.closed]), 'both ends closed')
    await turns()
    expect([talk.near.state, talk.far.state]).toEqual(['closed', 'closed'])
  }),

  clause(
    'C1',
    'is started once: a second start() rejects with ALREADY_STARTED and changes nothing',
    async (stage) => {
      const staged = await stage.pair()
      const opening = staged.open()
      await expectCode(staged.near.start(), 'ALREADY_STARTED')
      const talk = await opening
      await expectCode(talk.near.start(), 'ALREADY_STARTED')
      await expectCode(talk.far.start(), 'ALREADY_STARTED')
      expect([talk.near.state, talk.far.state]).toEqual(['open', 'open'])
      await talk.near.send(note(1))
      await stage.until(() => talk.atFar.messages.length === 1, 'a message arrived')
      expect([talk.atNear.closes, talk.atFar.closes]).toEqual([0, 0])
    },
  ),

  clause('C1', 'is not started again after its end: start() rejects with CLOSED', async (stage) => {
    const talk = await stage.open()
    await talk.near.close()
    await stage.within(talk.far.closed, 'the far end closed')
    await expectCode(talk.near.start(), 'CLOSED')
    await expectCode(talk.far.start(), 'CLOSED')
    const { near } = await stage.pair()
    await near.close()
    await expectCode(near.start(), 'CLOSED')
    expect(near.state).toBe('closed')
  }),

  clause('C1', 'is closed for good after a start() that failed', async (stage) => {
    const { transport } = await stage.lone('unreachable')
    await expect(stage.within(transport.start(), 'start() settled')).rejects.toBeInstanceOf(Error)
    expect(transport.state).toBe('closed')
    await expectCode(transport.start(), 'CLOSED')
  }),

  clause('C1', 'knows its peer from open on, and still after the end', async (stage) => {
    const talk = await stage.open()
    expectPeer(talk.near)
    expectPeer(talk.far)
    await talk.near.close()
    await stage.within(talk.far.closed, 'the far end closed')
    expectPeer(talk.near)
    expectPeer(talk.far)
  }),
]

function expectPeer({ peer }: Transport): void {
  expect(peer?.medium).toMatch(/./)
  expect(peer?.address).toMatch(/./)
}

async function expectCode(promise: Promise<unknown>, code: 'ALREADY_STARTED' | 'CLOSED'): Promise<void> {
  const outcome = await promise.then(
    () => 'it resolved',
    (error: unknown) => (isTransportError(error) ? error.code : error),
  )
  expect(outcome).toBe(code)
}
