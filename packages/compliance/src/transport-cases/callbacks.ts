import { isTransportError, type Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import type { Recording } from '../recording.js'
import { notification, numbersOf } from '../sample-messages.js'
import type { TransportFixture } from '../transport-fixture.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turns } from '../waiting.js'

/** C5: callbacks that throw or reject. */
export const callbackCases: readonly ClauseCase[] = [
  survives('throws', (cause) => {
    throw cause
  }),
  survives('rejects', (cause) => Promise.reject(cause) as never),

  clause('C5', 'an onerror that throws stops neither reading nor closing', async (fixture) => {
    const { near, far, atFar } = await fixture.open()
    const { onmessage } = far
    far.onmessage = (message, context) => {
      onmessage?.(message, context)
      throw new Error('from onmessage')
    }
    let errorCount = 0
    far.onerror = () => {
      errorCount++
      throw new Error('from onerror')
    }
    await near.send(notification(0))
    await near.send(notification(1))
    await fixture.until(() => atFar.messages.length === 2, 'both messages arrived')
    expect(errorCount, 'calls of onerror').toBe(2)
    await fixture.within(far.close({ reason: new Error('no longer needed') }), 'close() returned')
    await fixture.within(near.closed, 'the near end closed')
    expect(atFar.closes, 'calls of onclose').not.toBe(0)
  }),

  clause('C5', 'an onclose that throws is reported and does not stop teardown', async (fixture) => {
    const { near, far, atNear, atFar } = await fixture.open()
    const cause = new Error('from onclose')
    for (const end of [near, far]) {
      end.onclose = () => {
        throw cause
      }
    }
    await fixture.within(near.close(), 'close() returned')
    await fixture.within(Promise.all([near.closed, far.closed]), 'both ends closed')
    await turns()
    for (const recording of [atNear, atFar]) expectCallbackFailed(recording, 'onclose', cause)
    expect({ near: near.state, far: far.state }, 'states of both ends').toEqual({
      near: 'closed',
      far: 'closed',
    })
  }),

  clause('C5', 'a missing callback breaks nothing', async (fixture) => {
    const { near, far, atFar } = await fixture.open()
    const { onmessage } = far
    unset(far)
    unset(near)
    await near.send(notification(0))
    await turns()
    far.onmessage = onmessage
    await near.send(notification(1))
    await fixture.until(() => numbersOf(atFar.messages).includes(1), 'the next message arrived')
    await fixture.within(near.close({ reason: new Error('no longer needed') }), 'close() returned')
    await fixture.within(far.closed, 'the far end closed')
  }),
]

function survives(how: string, fail: (cause: Error) => void): ClauseCase {
  return clause('C5', `an onmessage that ${how} is reported, and reading goes on`, async (fixture) => {
    const { near, far, atFar } = await fixture.open()
    const cause = new Error('from onmessage')
    const received: unknown[] = []
    far.onmessage = (message) => {
      received.push(...numbersOf([message]))
      return fail(cause)
    }
    await near.send(notification(0))
    await near.send(notification(1))
    await untilReceived(fixture, received, 2)
    await turns()
    expect(received, 'the message that arrived').toEqual([0, 1])
    expectCallbackFailed(atFar, 'onmessage', cause)
    expect({ near: near.state, far: far.state }, 'states of both ends').toEqual({ near: 'open', far: 'open' })
  })
}

async function untilReceived(
  fixture: TransportFixture,
  received: readonly unknown[],
  length: number,
): Promise<void> {
  await fixture.until(() => received.length >= length, `${length} messages arrived`)
}

function expectCallbackFailed({ errors }: Recording, slot: string, cause: Error): void {
  const failures = errors.filter((error) => isTransportError(error, 'CALLBACK_FAILED'))
  expect(failures, 'errors CALLBACK_FAILED reported to onerror').not.toEqual([])
  for (const failure of failures) {
    expect(failure.details, 'details of CALLBACK_FAILED').toEqual({ slot })
    expect(failure.cause, 'cause of CALLBACK_FAILED').toBe(cause)
  }
}

function unset(transport: Transport): void {
  transport.onmessage = undefined
  transport.onerror = undefined
  transport.onclose = undefined
}
