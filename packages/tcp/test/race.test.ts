import { createFakeClock } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { ATTEMPT_DELAY_MS, interleaved, race } from '../src/race.js'

interface Attempt {
  readonly candidate: string
  readonly signal: AbortSignal
  readonly succeed: (value: string) => void
  readonly fail: (error: Error) => void
}

function start(candidates: readonly string[], signal = new AbortController().signal) {
  const clock = createFakeClock()
  const attempts: Attempt[] = []
  const discarded: string[] = []
  const outcome = race({
    candidates,
    attempt: (candidate, lost) =>
      new Promise<string>((succeed, fail) => attempts.push({ candidate, signal: lost, succeed, fail })),
    discard: (late) => discarded.push(late),
    clock,
    signal,
  })
  outcome.catch(() => {})
  const started = (): string[] => attempts.map(({ candidate }) => candidate)
  return { outcome, clock, attempts, discarded, started }
}

test('the next candidate starts after 250 ms', async () => {
  const { clock, started } = start(['a', 'b', 'c'])
  await clock.advance(ATTEMPT_DELAY_MS - 1)
  expect(started()).toEqual(['a'])
  await clock.advance(1)
  expect(started()).toEqual(['a', 'b'])
  await clock.advance(ATTEMPT_DELAY_MS)
  expect(started()).toEqual(['a', 'b', 'c'])
})

test('the next candidate starts at once when the latest fails, though an earlier one is pending', async () => {
  const { clock, attempts, started } = start(['a', 'b', 'c'])
  await clock.advance(ATTEMPT_DELAY_MS)
  attempts[1]?.fail(new Error('b'))
  await clock.advance(0)
  expect(started()).toEqual(['a', 'b', 'c'])
})

test('the failure of an earlier candidate does not start the next one', async () => {
  const { clock, attempts, started } = start(['a', 'b', 'c'])
  await clock.advance(ATTEMPT_DELAY_MS)
  attempts[0]?.fail(new Error('a'))
  await clock.advance(0)
  expect(started()).toEqual(['a', 'b'])
})

test('the first success aborts the other attempts, and a later success is discarded', async () => {
  const { clock, attempts, outcome, discarded } = start(['a', 'b', 'c'])
  await clock.advance(ATTEMPT_DELAY_MS)
  attempts[1]?.succeed('from b')
  expect(await outcome).toBe('from b')
  expect(attempts[0]?.signal.aborted).toBe(true)
  attempts[0]?.succeed('from a')
  await clock.advance(10_000)
  expect(discarded).toEqual(['from a'])
  expect(attempts).toHaveLength(2)
})

test('rejects with every message when all candidates fail', async () => {
  const { clock, attempts, outcome } = start(['a', 'b'])
  attempts[0]?.fail(new Error('a is closed'))
  await clock.advance(0)
  attempts[1]?.fail(new Error('b is closed'))
  await expect(outcome).rejects.toThrow('a is closed; b is closed')
})

test('rejects with the failure of the only candidate, and with an error for no candidates', async () => {
  const failure = new Error('closed')
  const one = start(['a'])
  one.attempts[0]?.fail(failure)
  await expect(one.outcome).rejects.toBe(failure)
  await expect(start([]).outcome).rejects.toThrow('no address')
})

test('an abort rejects with its reason, aborts every attempt, and starts no other', async () => {
  const controller = new AbortController()
  const { clock, attempts, outcome } = start(['a', 'b', 'c'], controller.signal)
  await clock.advance(ATTEMPT_DELAY_MS)
  const reason = new Error('cancelled')
  controller.abort(reason)
  await expect(outcome).rejects.toBe(reason)
  for (const { signal, fail } of attempts) {
    expect(signal.reason).toBe(reason)
    fail(reason)
  }
  await clock.advance(10_000)
  expect(attempts).toHaveLength(2)
  const aborted = start(['a'], controller.signal)
  await expect(aborted.outcome).rejects.toBe(reason)
  expect(aborted.attempts).toEqual([])
})

test('interleaved() alternates address families, the preferred one first', () => {
  expect(interleaved(['::1', '::2', '::3', '127.0.0.1', '127.0.0.2'])).toEqual([
    '::1',
    '127.0.0.1',
    '::2',
    '127.0.0.2',
    '::3',
  ])
  expect(interleaved(['127.0.0.1', '::1', '::2', '::3'])).toEqual(['127.0.0.1', '::1', '::2', '::3'])
  expect(interleaved(['::1'])).toEqual(['::1'])
  expect(interleaved([])).toEqual([])
})
