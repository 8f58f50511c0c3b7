import { until } from '@mcpwire/compliance'
import { systemClock } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { note, record } from './support/messages.js'
import { TIMEOUT_MS } from './support/processes.js'
import { script } from './support/programs.js'

const message = (n: number): string => JSON.stringify(note(n))

test('passes stray output to onStrayOutput, at most 4096 characters a line, and reports what it throws', async () => {
  const code = `console.log('npm warn'); console.log('x'.repeat(10_000)); console.log('${message(1)}')
    process.stdin.resume()`
  const lines: string[] = []
  const onStrayOutput = (text: string): void => {
    lines.push(text)
    throw new Error('no')
  }
  const transport = stdioClient({ ...script(code), onStrayOutput })
  const received = record(transport)
  await transport.start()
  await until(() => received.messages.length === 1, 'the message', TIMEOUT_MS)
  expect(lines.map((text) => text.length)).toEqual([8, 4096])
  expect(received.errors.map(({ code }) => code)).toEqual(['CALLBACK_FAILED', 'CALLBACK_FAILED'])
  await transport.close()
})

test('reports ten lines of stray output without onStrayOutput, and keeps the conversation open', async () => {
  const code = `for (let n = 0; n < 50; n++) console.log('npm warn', n)
    console.log('${message(1)}'); process.stdin.resume()`
  const transport = stdioClient(script(code))
  const received = record(transport)
  await transport.start()
  await until(() => received.messages.length === 1, 'the message', TIMEOUT_MS)
  expect(received.errors.map(({ code }) => code)).toEqual(Array(10).fill('MALFORMED_MESSAGE'))
  expect(received.errors.at(-1)).toMatchObject({ details: { option: 'onStrayOutput' } })
  await transport.close()
})

test('passes the start of a line over maxMessageBytes to onStrayOutput when it is not JSON', async () => {
  const lines: string[] = []
  const write = `console.log('x'.repeat(5_000)); console.log('${JSON.stringify(note(1))}'); process.stdin.resume()`
  const transport = stdioClient({
    ...script(write),
    maxMessageBytes: 2_048,
    onStrayOutput: (text) => lines.push(text),
  })
  const received = record(transport)
  await transport.start()
  await until(() => received.messages.length === 1, 'the message', TIMEOUT_MS)
  expect(lines).toEqual(['x'.repeat(64)])
  expect(received.errors).toEqual([])
  await transport.close()
})

describe('a flood of stray output', () => {
  /** Each line is `y`: a pipe has the capacity for 32 768 of them. */
  const LINES_IN_A_PIPE = 32_768

  test('yields to the event loop, and ends with the child', async () => {
    let inTurn = 0
    let longestTurn = 0
    let total = 0
    const onStrayOutput = (): void => {
      total++
      longestTurn = Math.max(longestTurn, ++inTurn)
    }
    // A read of the clock takes 1 ms here, so that the share of a connection does not depend on the machine's speed.
    let readings = 0
    const clock = { ...systemClock, now: () => ++readings, deadline: systemClock.deadline.bind(systemClock) }
    const transport = stdioClient({ command: 'yes', stderr: 'ignore', onStrayOutput, clock })
    await transport.start()
    while (total < 20 * LINES_IN_A_PIPE) {
      await new Promise((resolve) => setImmediate(resolve))
      inTurn = 0
    }
    expect(longestTurn).toBeLessThanOrEqual(6 * LINES_IN_A_PIPE)
    process.kill(transport.pid ?? 0, 'SIGKILL')
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details: { signal: 'SIGKILL' } })
  })

  test('stops while the consumer has paused, and delivers the message behind it', async () => {
    let total = 0
    const command = `yes | head -n ${8 * LINES_IN_A_PIPE}; echo '${message(1)}'; cat`
    const onStrayOutput = (): void => void total++
    const transport = stdioClient({ command: 'sh', args: ['-c', command], stderr: 'ignore', onStrayOutput })
    const received = record(transport)
    await transport.start()
    await until(() => total > LINES_IN_A_PIPE, 'stray output', TIMEOUT_MS)
    transport.flow?.pause()
    const before = total
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(total).toBe(before)
    transport.flow?.resume()
    await until(() => received.messages.length === 1, 'the message', TIMEOUT_MS)
    expect(total).toBe(8 * LINES_IN_A_PIPE)
    await transport.close()
  })
})
