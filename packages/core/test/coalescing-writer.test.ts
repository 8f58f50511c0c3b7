import { Writable } from 'node:stream'
import { collectedMemory } from '@mcpwire/test-support/collected-memory'
import { describe, expect, test } from 'vitest'
import { createCoalescingWriter } from '../src/node/index.js'

const LIMIT = 16_777_216

/** A stream that accepts no second chunk until `drain()`, and then everything. */
function blockedStream(): { stream: Writable; written: () => string; drain: () => void } {
  const chunks: Buffer[] = []
  let pending: (() => void)[] = []
  let isOpen = false
  const stream = new Writable({
    highWaterMark: 1,
    write: (chunk, _encoding, done) => {
      chunks.push(Buffer.from(chunk))
      if (isOpen) done()
      else pending.push(done)
    },
  })
  return {
    stream,
    written: () => Buffer.concat(chunks).toString(),
    drain: () => {
      isOpen = true
      for (const done of pending.splice(0)) done()
      pending = []
    },
  }
}

const texts = Array.from({ length: 3_000 }, (_, n) => `${n} ${'ü'.repeat(n % 97)}\n`)

describe('a writer whose stream is above its high-water mark', () => {
  test('keeps the order and bytes of all queued texts', async () => {
    const { stream, written, drain } = blockedStream()
    const writer = createCoalescingWriter(stream, { address: 'test', maxQueuedBytes: LIMIT })
    const sent = texts.map((text) => writer.write(text))
    await new Promise((resolve) => setImmediate(resolve))
    expect(written().length).toBeLessThan(texts.join('').length)
    drain()
    await Promise.all(sent)
    expect(written()).toBe(texts.join(''))
    expect(writer.bytesWritten).toBe(Buffer.byteLength(texts.join('')))
  })

  test('finish() writes all queued texts before the end of the stream', async () => {
    const { stream, written, drain } = blockedStream()
    const writer = createCoalescingWriter(stream, { address: 'test', maxQueuedBytes: LIMIT })
    const sent = texts.map((text) => writer.write(text))
    await new Promise((resolve) => setImmediate(resolve))
    const finished = new Promise((resolve) => stream.once('finish', resolve))
    writer.finish()
    drain()
    await finished
    await Promise.all(sent)
    expect(written()).toBe(texts.join(''))
  })

  test('holds the bytes of queued texts, not one object for each', async () => {
    const { stream } = blockedStream()
    const writer = createCoalescingWriter(stream, { address: 'test', maxQueuedBytes: LIMIT })
    void writer.write('first\n')
    await new Promise((resolve) => process.nextTick(resolve))
    const text = `${'x'.repeat(15)}\n`
    const COUNT = 500_000
    const before = await collectedMemory()
    for (let n = 0; n < COUNT; n++) void writer.write(text)
    const after = await collectedMemory()
    // A string concatenated from as many parts would take 32 more bytes for each.
    expect(after.held - before.held).toBeLessThan(COUNT * text.length * 2)
    writer.stop()
  })
})
