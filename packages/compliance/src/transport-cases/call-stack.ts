import { expect } from 'vitest'
import { record } from '../recording.js'
import { count, notification, numbersOf, request, response } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turn } from '../waiting.js'

/** C11: no message is delivered inside `send()` or `start()`. */
export const callStackCases: readonly ClauseCase[] = [
  clause(
    'C11',
    'an immediate response is not delivered inside the send() of its request',
    async (fixture) => {
      const { near, far, atNear } = await fixture.open()
      const calls = watchCalls()
      far.onmessage = (message) => {
        calls.check()
        if ('id' in message && message.id !== undefined) {
          calls.inside(() => far.send(response(message.id ?? ''))).catch(() => {})
        }
      }
      const { onmessage } = near
      near.onmessage = (message, context) => {
        calls.check()
        onmessage?.(message, context)
      }
      for (const n of count(20)) {
        await fixture.within(
          calls.inside(() => near.send(request(n))),
          'send() settled',
        )
      }
      await fixture.until(() => atNear.messages.length === 20, 'every response arrived')
      expect(calls.receivedInside, 'messages delivered inside the call of send()').toBe(0)
    },
  ),

  clause('C11', 'a message in flight is not delivered inside another send()', async (fixture) => {
    fixture.requireAbility('farInitiates')
    const { near, far, atNear } = await fixture.open()
    const calls = watchCalls()
    const { onmessage } = near
    near.onmessage = (message, context) => {
      calls.check()
      onmessage?.(message, context)
    }
    far.onmessage = () => calls.check()
    const sends: Promise<void>[] = []
    for (const n of count(50)) {
      sends.push(calls.inside(() => far.send(notification(n))))
      sends.push(calls.inside(() => near.send(notification(n))))
      await turn()
      sends.push(calls.inside(() => near.send(notification(n))))
    }
    await fixture.within(Promise.all(sends), 'every send settled')
    await fixture.until(() => atNear.messages.length === 50, 'every message arrived')
    expect(calls.receivedInside, 'messages delivered inside the call of send()').toBe(0)
  }),

  clause('C11', 'an early message is not delivered inside start()', async (fixture) => {
    fixture.requireAbility('farStartsFirst')
    fixture.requireAbility('farInitiates')
    const { pair, near, atNear } = await fixture.pair()
    if (pair.far instanceof Promise) {
      throw new Error("the far end cannot start first: name 'farStartsFirst' in 'exempt' with the reason")
    }
    const { far } = pair
    record(far)
    const farStarted = far.start()
    farStarted.then(() => far.send(notification(0))).catch(() => {})
    await turn()
    let isInside = true
    const { onmessage } = near
    near.onmessage = (message, context) => {
      expect(isInside, 'onmessage ran inside start()').toBe(false)
      onmessage?.(message, context)
    }
    const nearStarted = near.start()
    isInside = false
    await fixture.within(Promise.all([nearStarted, farStarted]), 'start() settled on both ends')
    await fixture.until(() => atNear.messages.length > 0, 'the message arrived')
    expect(numbersOf(atNear.messages), 'numbers of the messages that arrived at the near end').toEqual([0])
    expect(atNear.errors, 'errors reported to onerror').toEqual([])
  }),
]

/** Counts messages that are delivered while a call is on the stack. */
function watchCalls(): {
  inside<T>(call: () => T): T
  check(): void
  readonly receivedInside: number
} {
  let depth = 0
  let receivedInside = 0
  return {
    inside: (call) => {
      depth++
      try {
        return call()
      } finally {
        depth--
      }
    },
    check: () => {
      if (depth > 0) receivedInside++
    },
    get receivedInside() {
      return receivedInside
    },
  }
}
