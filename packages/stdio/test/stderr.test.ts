import { Writable } from 'node:stream'
import { until } from '@mcpwire/compliance'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { createStderrRelay, createStderrTail } from '../src/stderr.js'
import { linesOf } from './support/lines.js'
import { note, record } from './support/messages.js'
import { TIMEOUT_MS } from './support/processes.js'
import { program, script } from './support/programs.js'

const TAIL_BYTES = 4_096

/** Echoes every line. */
const echo = { command: 'cat' }

describe('standard error', () => {
  const code = 'console.error("a line"); process.stdin.resume()'

  test('is a stream before start(), which ends with the child [STDIO-C-05]', async () => {
    const transport = stdioClient({ ...script(code), stderr: 'pipe' })
    const { stderr } = transport
    const written = linesOf(stderr as NonNullable<typeof stderr>)
    let isEnded = false
    stderr?.once('end', () => {
      isEnded = true
    })
    await transport.start()
    await written.line('a line')
    expect(transport.stderr).toBe(stderr)
    await transport.close()
    await until(() => isEnded, 'its end', TIMEOUT_MS)
  })

  test('is null without the option', async () => {
    for (const stderr of ['inherit', 'ignore'] as const)
      expect(stdioClient({ ...echo, stderr }).stderr).toBeNull()
  })

  test('goes to the standard error of this process by default [STDIO-C-05]', async () => {
    const inner = script(code)
    const host = program('host', 'stay', inner.command, ...inner.args)
    const transport = stdioClient({ ...host, stderr: 'pipe' })
    const written = linesOf(transport.stderr as NonNullable<typeof transport.stderr>)
    await transport.start()
    await written.line('a line')
    await transport.close()
  })

  test.each(['pipe', 'ignore'] as const)(
    'does not block a child that floods it (%s) [STDIO-C-05, STDIO-C-06]',
    async (stderr) => {
      const flood = 'head -c 100000000 /dev/zero >&2; echo end >&2; exec cat'
      const transport = stdioClient({ command: 'sh', args: ['-c', flood], stderr })
      const received = record(transport)
      await transport.start()
      await transport.send(note(1))
      await until(() => received.messages.length === 1, 'a response', TIMEOUT_MS)
      if (transport.stderr) {
        let bytes = 0
        let last = ''
        transport.stderr.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          last = chunk.toString('latin1')
        })
        await until(
          () => /\[\d+ bytes of standard error were dropped/.test(last),
          'a line about dropped bytes',
          TIMEOUT_MS,
        )
        expect(bytes).toBeLessThan(4_194_304)
      }
      await transport.close()
    },
  )
})

describe('a broken standard error', () => {
  function broken(): Writable {
    return new Writable({ write: (_chunk, _encoding, done) => setImmediate(done, new Error('EPIPE')) })
  }

  test('is no uncaught exception after the last child has exited', async () => {
    const own = broken()
    const relay = createStderrRelay('inherit', own)
    relay.open()
    relay.push(Buffer.from('a line'))
    relay.end()
    const closed = new Promise((resolve) => own.once('close', resolve))
    await closed
    expect(own.errored?.message).toBe('EPIPE')
    expect(own.listenerCount('error')).toBe(1)
  })
})

test('many children share one listener on standard error, and each reports its dropped bytes', async () => {
  const written: string[] = []
  const callbacks: (() => void)[] = []
  const own = new Writable({
    write: (chunk, _encoding, done) => {
      written.push(String(chunk))
      callbacks.push(done)
    },
  })
  const relays = Array.from({ length: 20 }, () => createStderrRelay('inherit', own))
  for (const relay of relays) relay.open()
  expect(own.listenerCount('drain')).toBe(0)
  expect(own.listenerCount('error')).toBe(1)
  const chunk = Buffer.alloc(600_000, 'x')
  for (const relay of relays) relay.push(chunk)
  expect(own.listenerCount('drain')).toBe(1)
  relays[2]?.end()
  expect(own.listenerCount('drain')).toBe(1)
  while (callbacks.length > 0) {
    callbacks.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(own.listenerCount('drain')).toBe(0)
  const notices = written.filter((each) => {
    return each.includes('[600000 bytes of standard error were dropped: they were not read in time]')
  })
  expect(notices).toHaveLength(relays.length - 1)
})

test('the tail is the last 4 KiB for any chunks', () => {
  const chunk = fc.nat({ max: 5_000 }).map((size) => Buffer.alloc(size, `${size} `))
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
      const tail = createStderrTail()
      for (const each of chunks) tail.push(each)
      expect(tail.text()).toBe(Buffer.concat(chunks).subarray(-TAIL_BYTES).toString())
    }),
  )
})

test('the tail has no partial character at its start', () => {
  const tail = createStderrTail()
  tail.push(Buffer.from('語'.repeat(2_000)))
  expect(tail.text()).toMatch(/^語+$/)
  expect(Buffer.byteLength(tail.text())).toBeLessThanOrEqual(TAIL_BYTES)
})
