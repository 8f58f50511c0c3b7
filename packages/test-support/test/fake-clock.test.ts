import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'

describe('deadlines', () => {
  test('expire in the order of their moments while time is advanced', async () => {
    const clock = fakeClock()
    const moments: string[] = []
    clock.deadline(20, () => moments.push(`late at ${clock.now()}`))
    clock.deadline(10, () => moments.push(`early at ${clock.now()}`))
    await clock.advance(20)
    expect(moments).toEqual(['early at 10', 'late at 20'])
    expect(clock.pending).toBe(0)
  })

  test('do not expire once they are disposed of', async () => {
    const clock = fakeClock()
    const expire = vi.fn()
    clock.deadline(10, expire)[Symbol.dispose]()
    await clock.advance(10)
    expect(expire).not.toHaveBeenCalled()
  })

  test('expire later after a reset', async () => {
    const clock = fakeClock()
    const expire = vi.fn()
    const deadline = clock.deadline(10, expire)
    deadline.reset(20)
    await clock.advance(10)
    expect(expire).not.toHaveBeenCalled()
    await clock.advance(10)
    expect(expire).toHaveBeenCalledTimes(1)
  })
})

describe('sleep', () => {
  test('resolves when its time has passed', async () => {
    const clock = fakeClock()
    const awake = vi.fn()
    void clock.sleep(10).then(awake)
    await clock.advance(9)
    expect(awake).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(awake).toHaveBeenCalled()
  })

  test('rejects with the reason of its signal, and leaves no deadline', async () => {
    const clock = fakeClock()
    const abort = new AbortController()
    const sleeping = clock.sleep(10, abort.signal)
    abort.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })
})

test('settled resolves after promises that settle by themselves', async () => {
  const then = vi.fn()
  void Promise.resolve().then(() => Promise.resolve().then(then))
  await settled()
  expect(then).toHaveBeenCalled()
})
