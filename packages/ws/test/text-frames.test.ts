import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as library from 'ws'
import { textFrames } from '../src/node/text-frames.js'

/** Exported by the library, and not by its types. */
const { Receiver } = library as unknown as { Receiver: new (options: object) => NodeJS.WritableStream }

/** What the library reads of it, which checks masks, lengths and UTF-8. */
async function read(bytes: Buffer, isServer: boolean): Promise<string[]> {
  const receiver = new Receiver({ isServer })
  const heard: string[] = []
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    heard.push(isBinary ? 'binary' : data.toString()),
  )
  await new Promise<void>((resolve, reject) => {
    receiver.once('error', reject)
    receiver.write(bytes, () => resolve())
  })
  return heard
}

const text = (value: string) => ({ text: value, bytes: Buffer.byteLength(value) })

test.each([false, true])(
  'frames are read by the library as they were written, masked: %s',
  async (isMasked) => {
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
  },
)

test('no two masks are the same', () => {
  const masks = new Set<string>()
  for (let count = 0; count < 5_000; count++)
    masks.add(
      textFrames([text('x')], true)
        .subarray(2, 6)
        .toString('hex'),
    )
  expect(masks.size).toBeGreaterThan(4_990)
})
