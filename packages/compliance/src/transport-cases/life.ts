import { isTransportError, type Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import type { OpenPair } from '../open-pair.js'
import { notification } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turns } from '../waiting.js'

/** C1: the life cycle. */
export const lifeCases: readonly ClauseCase[] = [
  clause('C1', 'state goes from idle to open to closed', async (fixture) => {
    const { near, pair } = await fixture.pair()
    expect(near.state, 'state of the transport').toBe('idle')
    if (!(pair.far instanceof Promise)) expect(pair.far.state, 'state of the transport').toBe('idle')
    const fresh = await fixture.pair()
    const opening = fresh.open()
    expect(['starting', 'open'], 'a state of the life cycle').toContain(fresh.near.state)
    const opened = await opening
    expect(states(opened), 'states of both ends').toEqual({ near: 'open', far: 'open' })
    const closing = opened.near.close()
    expect(['closing', 'closed'], 'a state of the life cycle').toContain(opened.near.state)
    await fixture.within(Promise.all([closing, opened.near.closed, opened.far.closed]), 'both ends closed')
    await turns()
    expect(states(opened), 'states of both ends').toEqual({ near: 'closed', far: 'closed' })
  }),

  clause('C1', 'a second start() rejects with ALREADY_STARTED and has no effect', async (fixture) => {
    const unstarted = await fixture.pair()
    const opening = unstarted.open()
    await expectCode(unstarted.near.start(), 'ALREADY_STARTED')
    const opened = await opening
    await expectCode(opened.near.start(), 'ALREADY_STARTED')
    await expectCode(opened.far.start(), 'ALREADY_STARTED')
    expect(states(opened), 'states of both ends').toEqual({ near: 'open', far: 'open' })
    await opened.near.send(notification(1))
    await fixture.until(() => opened.atFar.messages.length === 1, 'a message arrived')
    for (const { closes } of [opened.atNear, opened.atFar])
      expect(closes, 'calls of onclose while both ends are open').toBe(0)
  }),

  clause('C1', 'start() after the end rejects with CLOSED', async (fixture) => {
    const opened = await fixture.open()
    await opened.near.close()
    await fixture.within(opened.far.closed, 'the far end closed')
    await expectCode(opened.near.start(), 'CLOSED')
    await expectCode(opened.far.start(), 'CLOSED')
    const { near } = await fixture.pair()
    await near.close()
    await expectCode(near.start(), 'CLOSED')
    expect(near.state, 'state of the transport').toBe('closed')
  }),

  clause('C1', 'a failed start() closes the transport', async (fixture) => {
    const { transport } = await fixture.lone('unreachable')
    await expect(
      fixture.within(transport.start(), 'start() settled'),
      'start() rejects with an Error',
    ).rejects.toBeInstanceOf(Error)
    expect(transport.state, 'state of the transport').toBe('closed')
    await expectCode(transport.start(), 'CLOSED')
  }),

  clause('C1', 'peer is set from open on, also after the end', async (fixture) => {
    const opened = await fixture.open()
    expectPeer(opened.near)
    expectPeer(opened.far)
    await opened.near.close()
    await fixture.within(opened.far.closed, 'the far end closed')
    expectPeer(opened.near)
    expectPeer(opened.far)
  }),
]

function states({ near, far }: OpenPair): { near: string; far: string } {
  return { near: near.state, far: far.state }
}

function expectPeer({ peer }: Transport): void {
  expect(peer?.medium, 'peer.medium').toMatch(/./)
  expect(peer?.address, 'peer.address').toMatch(/./)
}

async function expectCode(promise: Promise<unknown>, code: 'ALREADY_STARTED' | 'CLOSED'): Promise<void> {
  const outcome = await promise.then(
    () => 'it resolved',
    (error: unknown) => (isTransportError(error) ? error.code : error),
  )
  expect(outcome, 'outcome of the second call').toBe(code)
}
