import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it, vi } from 'vitest'
import { response, scriptedPipe, sentOn } from './support/pipes.js'

describe('pipe: the rest of the messages after one end has closed', () => {
  it.each([0, 100, 9_900])('waits for an end that reads again after %i ms', async (ms) => {
    const clock = fakeClock()
    const onError = vi.fn()
    const { a, b, piped } = await scriptedPipe({ clock, onError, drainTimeoutMs: 10_000 })
    let take = (): void => {}
    a.answer = () =>
      new Promise((resolve) => {
        take = resolve
      })
    b.onmessage?.(response('unmatched', { text: 'x' }))
    a.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'tools/call' })
    b.onmessage?.(response(1, { text: 'x' }))
    b.onclose?.()
    await clock.advance(ms)
    expect(await Promise.race([piped.closed.then(() => 'closed'), settled().then(() => 'open')])).toBe('open')
    take()
    expect(await piped.closed).toBeUndefined()
    expect(sentOn(a)).toMatchObject([{ id: 1, result: {} }])
    expect(onError).not.toHaveBeenCalled()
  })

  it('reports the messages that were not accepted, with the option that counts', async () => {
    const clock = fakeClock()
    const onError = vi.fn()
    const { a, b, piped } = await scriptedPipe({ clock, onError, drainTimeoutMs: 10_000 })
    a.answer = () => new Promise(() => {})
    a.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'tools/call' })
    b.onmessage?.(response(1, { text: 'x' }))
    b.onclose?.()
    await clock.advance(10_000)
    await piped.closed
    expect(onError.mock.calls).toMatchObject([
      [{ code: 'SEND_FAILED', details: { delivery: 'unknown', option: 'drainTimeoutMs' } }, 'a'],
    ])
    expect(piped.missing.messages).toBe(1)
  })
})
