import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { collectedMemory } from '../../../tooling/collected-memory.js'
import { createCoalescingWriter } from '../src/node/index.js'

const LIMIT = 16_777_216

/** A stream that takes nothing until it is told to, and then everything. */
function stubborn(): { stream: Writable; taken: () => string; yieldNow: () => void } {
  const chunks: Buffer[] = []
  let waiting: (() => void)[] = []
  let isYielding = false
  const stream = new Writable({
    highWaterMark: 1,
    write: (chunk, _encoding, done) => {
      chunks.push(Buffer.from(chunk))
      if (isYielding) done()
      else waiting.push(done)
    },
  })
  return {
    stream,
    taken: () => Buffer.concat(chunks).toString(),
    yieldNow: () => {
      isYielding = true
      for (const done of waiting.splice(0)) done()
      waiting = []
    },
  }
}

const texts = Array.from({ length: 3_000 }, (_, n) => `${n} ${'ü'.repeat(n % 97)}\n`)

describe('a writer whose stream is full', () => {
  test('keeps order and bytes of what waits, however much that is', async () => {
    const { stream, taken, yieldNow } = stubborn()
    const writer = createCoalescingWriter(stream, { address: 'test', maxQueuedBytes: LIMIT })
    const sent = texts.map((text) => writer.write(text))
    await new Promise((resolve) => setImmediate(resolve))
    expect(taken().length).toBeLessThan(texts.join('').length)
    yieldNow()
    await Promise.all(sent)
    expect(taken()).toBe(texts.join(''))
    expect(writer.bytesWritten).toBe(Buffer.byteLength(texts.join('')))
  })

  test('sends all that was taken before it ends the stream', async () => {
    const { stream, taken, yieldNow } = stubborn()
    const writer = createCoalescingWriter(stream, { address: 'test', maxQueuedBytes: LIMIT })
    const sent = texts.map((text) => writer.write(text))
    await new Promise((resolve) => setImmediate(resolve))
    const finished = new Promise((resolve) => stream.once('finish', resolve))
    writer.finish()
    yieldNow()
    await finished
    await Promise.all(sent)
    expect(taken()).toBe(texts.join(''))
  })

  test('holds about the bytes that wait, not an object for each text', async () => {
    const { stream } = stubborn()
    const writer = createCoalescingWriter(stream, { address: 'test', maxQueuedBytes: LIMIT })
    void writer.write('first\n')
    await new Promise((resolve) => process.nextTick(resolve))
    const text = `${'x'.repeat(15)}\n`
    const COUNT = 500_000
    const before = await collectedMemory()
    for (let n = 0; n < COUNT; n++) void writer.write(text)
    const after = await collectedMemory()
    // A string that is put together of as many parts would take 32 bytes for each more.
    expect(after.held - before.held).toBeLessThan(COUNT * text.length * 2)
    writer.stop()
  })
})
