import { PassThrough, Writable } from 'node:stream'
import { createFakeClock } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import { drainOutput } from '../src/drain-output.js'
import { guardStdout, stdioClient } from '../src/index.js'
import { createStderrRelay } from '../src/stderr.js'
import { hearing } from './support/messages.js'
import { script } from './support/programs.js'

describe('the last words of a child', () => {
  test('are not waited for without end where somebody else goes on writing', async () => {
    const clock = createFakeClock()
    const stream = new PassThrough()
    stream.resume()
    let isDone = false
    const done = drainOutput(stream, clock).then(() => {
      isDone = true
    })
    for (let ms = 0; ms < 200 && !isDone; ms += 5) {
      stream.write('still talking\n')
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(5)
    }
    expect(isDone).toBe(true)
    await done
  })

  test.each([
    [
      "Error: Cannot find module 'x'",
      'process.stderr.write("throw err;\\nError: Cannot find module \'x\'\\n    at a (b.js:1)\\n\\nNode.js v20\\n")',
    ],
    [
      "thread 'main' panicked at src/main.rs:1",
      `process.stderr.write("thread 'main' panicked at src/main.rs:1\\nnote: run with\\n")`,
    ],
    ['nothing telling', "process.stderr.write('first\\nnothing telling\\n')"],
  ])('are quoted by the line that says why: %s', async (line, code) => {
    const transport = stdioClient({ ...script(`${code}; process.exitCode = 3`), stderr: 'ignore' })
    const heard = hearing(transport)
    await transport.start().catch(() => {})
    const reason = await transport.closed
    expect(reason?.message).toMatch(/exited with code 3: /)
    expect(reason?.message.endsWith(`: ${line}`)).toBe(true)
    expect(heard.closes).toBe(1)
  })
})

describe('an output for words that breaks', () => {
  function broken(): Writable {
    return new Writable({ write: (_chunk, _encoding, done) => setImmediate(done, new Error('EPIPE')) })
  }

  test('takes nobody down after the last child has ended', async () => {
    const own = broken()
    const relay = createStderrRelay('inherit', own)
    relay.open()
    relay.push(Buffer.from('words'))
    relay.end()
    const closed = new Promise((resolve) => own.once('close', resolve))
    await closed
    expect(own.errored?.message).toBe('EPIPE')
    expect(own.listenerCount('error')).toBe(1)
  })

  test('takes nobody down where standard output is guarded', async () => {
    const stderr = broken() as unknown as NodeJS.WriteStream
    const stdout = new PassThrough() as unknown as NodeJS.WriteStream
    const guard = guardStdout({ stdout, stderr })
    const closed = new Promise((resolve) => stderr.once('close', resolve))
    stdout.write('a banner\n')
    await closed
    guard[Symbol.dispose]()
    expect(stderr.listenerCount('error')).toBe(1)
  })
})

test('an output that many children share has no listener more for each, and hears what was left out', async () => {
  const taken: string[] = []
  const held: (() => void)[] = []
  const own = new Writable({
    write: (chunk, _encoding, done) => {
      taken.push(String(chunk))
      held.push(done)
    },
  })
  const relays = Array.from({ length: 20 }, () => createStderrRelay('inherit', own))
  for (const relay of relays) relay.open()
  expect([own.listenerCount('drain'), own.listenerCount('error')]).toEqual([0, 1])
  const words = Buffer.alloc(600_000, 'x')
  for (const relay of relays) relay.push(words)
  expect(own.listenerCount('drain')).toBe(1)
  relays[2]?.end()
  expect(own.listenerCount('drain')).toBe(1)
  while (held.length > 0) {
    held.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(own.listenerCount('drain')).toBe(0)
  const notices = taken.filter((each) => {
    return each.includes('[600000 bytes of standard error were dropped: they were not read in time]')
  })
  expect(notices).toHaveLength(relays.length - 1)
})
