import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { record } from '../recording.js'
import { answer, count, note, numbersOf, request } from '../sample-messages.js'
import { turn } from '../waiting.js'

/** C11: nothing is heard inside `send()` or `start()`. */
export const callStackCases: readonly ClauseCase[] = [
  clause('C11', 'an answer given at once does not arrive inside the send() that asked', async (stage) => {
    const { near, far, atNear } = await stage.open()
    const calls = watchCalls()
    far.onmessage = (message) => {
      calls.note()
      if ('id' in message && message.id !== undefined) {
        calls.inside(() => far.send(answer(message.id ?? ''))).catch(() => {})
      }
    }
    const { onmessage } = near
    near.onmessage = (message, context) => {
      calls.note()
      onmessage?.(message, context)
    }
    for (const n of count(20)) {
      await stage.within(
        calls.inside(() => near.send(request(n))),
        'send() settled',
      )
    }
    await stage.until(() => atNear.messages.length === 20, 'every answer arrived')
    expect(calls.heardInside).toBe(0)
  }),

  clause('C11', 'what is under way does not arrive inside a send() in between', async (stage) => {
    stage.relyOn('farInitiates')
    const { near, far, atNear } = await stage.open()
    const calls = watchCalls()
    const { onmessage } = near
    near.onmessage = (message, context) => {
      calls.note()
      onmessage?.(message, context)
    }
    far.onmessage = () => calls.note()
    const sends: Promise<void>[] = []
    for (const n of count(50)) {
      sends.push(calls.inside(() => far.send(note(n))))
      sends.push(calls.inside(() => near.send(note(n))))
      await turn()
      sends.push(calls.inside(() => near.send(note(n))))
    }
    await stage.within(Promise.all(sends), 'every send settled')
    await stage.until(() => atNear.messages.length === 50, 'every message arrived')
    expect(calls.heardInside).toBe(0)
  }),

  clause('C11', 'what waits beforehand does not arrive inside start()', async (stage) => {
    stage.relyOn('farStartsFirst')
    stage.relyOn('farInitiates')
    const { pair, near, atNear } = await stage.pair()
    if (pair.far instanceof Promise) {
      throw new Error(
        "this case starts the far end first: name 'farStartsFirst' in 'exempt' where that cannot be",
      )
    }
    const { far } = pair
    record(far)
    const farStarted = far.start()
    farStarted.then(() => far.send(note(0))).catch(() => {})
    await turn()
    let isInside = true
    const { onmessage } = near
    near.onmessage = (message, context) => {
      expect(isInside, 'onmessage ran inside start()').toBe(false)
      onmessage?.(message, context)
    }
    const nearStarted = near.start()
    isInside = false
    await stage.within(Promise.all([nearStarted, farStarted]), 'start() settled on both ends')
    await stage.until(() => atNear.messages.length > 0, 'the message arrived')
    expect(numbersOf(atNear.messages)).toEqual([0])
    expect(atNear.errors).toEqual([])
  }),
]

/** Counts the messages that are heard while a call is on the stack. */
function watchCalls(): {
  inside<T>(call: () => T): T
  note(): void
  readonly heardInside: number
} {
  let depth = 0
  let heardInside = 0
  return {
    inside: (call) => {
      depth++
      try {
        return call()
      } finally {
        depth--
      }
    },
    note: () => {
      if (depth > 0) heardInside++
    },
    get heardInside() {
      return heardInside
    },
  }
}
