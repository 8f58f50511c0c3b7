import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as library from 'ws'
import { textFrames } from '../src/node/text-frames.js'

/** The library exports it, its types do not. */
const { Receiver } = library as unknown as { Receiver: new (options: object) => NodeJS.WritableStream }

/** The messages that the library parses. It checks masks, lengths and UTF-8. */
async function read(bytes: Buffer, isServer: boolean): Promise<string[]> {
  const receiver = new Receiver({ isServer })
  const received: string[] = []
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    received.push(isBinary ? 'binary' : data.toString()),
  )
  await new Promise<void>((resolve, reject) => {
    receiver.once('error', reject)
    receiver.write(bytes, () => resolve())
  })
  return received
}

const text = (value: string) => ({ text: value, bytes: Buffer.byteLength(value) })

test.each([false, true])('encodes frames that the library parses (masked: %s)', async (isMasked) => {
  const lengths = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_001]
  const given = lengths.map((length) => 'x'.repeat(length))
  expect(await read(textFrames(given.map(text), isMasked), isMasked)).toEqual(given)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { minLength: 1 }),
      async (texts) => {
        expect(await read(textFrames(texts.map(text), isMasked), isMasked)).toEqual(texts)
      },
    ),
  )
})

test('uses a new mask for each frame', () => {
  const masks = new Set<string>()
  for (let count = 0; count < 5_000; count++)
    masks.add(
      textFrames([text('x')], true)
        .subarray(2, 6)
        .toString('hex'),
    )
  expect(masks.size).toBeGreaterThan(4_990)
})
