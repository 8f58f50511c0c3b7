import { isTransportError, type Transport } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import type { Recording } from '../recording.js'
import { note, numbersOf } from '../sample-messages.js'
import type { Stage } from '../stage.js'
import { turns } from '../waiting.js'

/** C5: callbacks that fail. */
export const callbackCases: readonly ClauseCase[] = [
  survives('throws', (cause) => {
    throw cause
  }),
  survives('rejects', (cause) => Promise.reject(cause) as never),

  clause('C5', 'an onerror that throws stops neither reading nor the end', async (stage) => {
    const { near, far, atFar } = await stage.open()
    const { onmessage } = far
    far.onmessage = (message, context) => {
      onmessage?.(message, context)
      throw new Error('from onmessage')
    }
    let told = 0
    far.onerror = () => {
      told++
      throw new Error('from onerror')
    }
    await near.send(note(0))
    await near.send(note(1))
    await stage.until(() => atFar.messages.length === 2, 'both messages arrived')
    expect(told).toBe(2)
    await stage.within(far.close({ reason: new Error('enough') }), 'close() returned')
    await stage.within(near.closed, 'the near end closed')
    expect(atFar.closes).not.toBe(0)
  }),

  clause('C5', 'an onclose that throws is reported and breaks no teardown', async (stage) => {
    const { near, far, atNear, atFar } = await stage.open()
    const cause = new Error('from onclose')
    for (const end of [near, far]) {
      end.onclose = () => {
        throw cause
      }
    }
    await stage.within(near.close(), 'close() returned')
    await stage.within(Promise.all([near.closed, far.closed]), 'both ends closed')
    await turns()
    for (const recording of [atNear, atFar]) expectCallbackFailed(recording, 'onclose', cause)
    expect([near.state, far.state]).toEqual(['closed', 'closed'])
  }),

  clause('C5', 'a missing callback breaks nothing', async (stage) => {
    const { near, far, atFar } = await stage.open()
    const { onmessage } = far
    unset(far)
    unset(near)
    await near.send(note(0))
    await turns()
    far.onmessage = onmessage
    await near.send(note(1))
    await stage.until(() => numbersOf(atFar.messages).includes(1), 'the next message arrived')
    await stage.within(near.close({ reason: new Error('enough') }), 'close() returned')
    await stage.within(far.closed, 'the far end closed')
  }),
]

function survives(how: string, fail: (cause: Error) => void): ClauseCase {
  return clause('C5', `an onmessage that ${how} is reported, and reading goes on`, async (stage) => {
    const { near, far, atFar } = await stage.open()
    const cause = new Error('from onmessage')
    const heard: unknown[] = []
    far.onmessage = (message) => {
      heard.push(...numbersOf([message]))
      return fail(cause)
    }
    await near.send(note(0))
    await near.send(note(1))
    await untilHeard(stage, heard, 2)
    await turns()
    expect(heard).toEqual([0, 1])
    expectCallbackFailed(atFar, 'onmessage', cause)
    expect([near.state, far.state]).toEqual(['open', 'open'])
  })
}

async function untilHeard(stage: Stage, heard: readonly unknown[], howMany: number): Promise<void> {
  await stage.until(() => heard.length >= howMany, `${howMany} messages arrived`)
}

function expectCallbackFailed({ errors }: Recording, slot: string, cause: Error): void {
  const failures = errors.filter((error) => isTransportError(error, 'CALLBACK_FAILED'))
  expect(failures).not.toEqual([])
  for (const failure of failures) {
    expect(failure.details).toEqual({ slot })
    expect(failure.cause).toBe(cause)
  }
}

function unset(transport: Transport): void {
  transport.onmessage = undefined
  transport.onerror = undefined
  transport.onclose = undefined
}
