import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createLineDecoder, type LineDecoder, type LineDecoderOptions } from '../src/authoring.js'
import { messages } from './support/messages.js'

interface Recorded {
  readonly lines: string[]
  readonly encoded: (Uint8Array | undefined)[]
  readonly invalid: string[]
  readonly oversize: { bytes: number; start: number }[]
  readonly decoder: LineDecoder
}

function decoding(options: Partial<LineDecoderOptions> = {}): Recorded {
  const recorded = {
    lines: [] as string[],
    encoded: [] as (Uint8Array | undefined)[],
    invalid: [] as string[],
    oversize: [] as { bytes: number; start: number }[],
  }
  const decoder = createLineDecoder(
    {
      line: (text, encoded) => {
        recorded.lines.push(text)
        recorded.encoded.push(encoded)
      },
      invalid: (bytes) => recorded.invalid.push(Buffer.from(bytes).toString('hex')),
      oversize: (bytes, start) => recorded.oversize.push({ bytes, start: start.length }),
    },
    { maxLineBytes: 1_000_000, ...options },
  )
  return { ...recorded, decoder }
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The bytes in chunks of the given bounds. All chunks use the same array. */
function pushIn(decoder: LineDecoder, bytes: Uint8Array, cuts: readonly number[]): void {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  )
  const reused = new Uint8Array(bytes.length)
  for (const [index, start] of places.entries()) {
    const part = bytes.subarray(start, places[index + 1] ?? start)
    reused.set(part)
    decoder.push(reused.subarray(0, part.length))
    reused.fill(0x5a)
  }
}

const cuts = (): fc.Arbitrary<number[]> => fc.array(fc.nat({ max: 100_000 }), { maxLength: 40 })

describe('decoded lines', () => {
  test('are the same for any chunk sizes [STDIO-02]', () => {
    fc.assert(
      fc.property(
        fc.array(messages(), { maxLength: 8 }),
        cuts(),
        fc.constantFrom('\n', '\r\n', '\n\n', '\n\r\n'),
        fc.boolean(),
        (sent, places, ending, keepEncoded) => {
          const recorded = decoding({ keepEncoded })
          pushIn(
            recorded.decoder,
            bytesOf(sent.map((each) => JSON.stringify(each) + ending).join('')),
            places,
          )

          const received = recorded.lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line))
          expect(received).toEqual(sent)
          expect(recorded.invalid).toEqual([])
          expect(recorded.oversize).toEqual([])
          expect(recorded.decoder.bufferedBytes).toBe(0)
        },
      ),
    )
  })

  test('are the same for chunks of one byte', () => {
    const recorded = decoding()
    for (const byte of bytesOf('{"a":"🦜é"}\n\n{"b":1}\r\n')) recorded.decoder.push(Uint8Array.of(byte))

    expect(recorded.lines).toEqual(['{"a":"🦜é"}', '{"b":1}\r'])
  })

  test('keep a byte order mark and a carriage return', () => {
    const recorded = decoding()
    recorded.decoder.push(bytesOf('\ufeff{}\r\n\ufeff{}\n'))

    expect(recorded.lines).toEqual(['\ufeff{}\r', '\ufeff{}'])
  })

  test('exclude empty lines', () => {
    const recorded = decoding()
    recorded.decoder.push(bytesOf('\n\n'))
    recorded.decoder.push(bytesOf('\n'))
    recorded.decoder.push(new Uint8Array(0))
    recorded.decoder.push(bytesOf('a'))
    recorded.decoder.push(bytesOf('\n\nb\n'))

    expect(recorded.lines).toEqual(['a', 'b'])
  })

  test.each([
    ['an array', (text: string): Uint8Array => bytesOf(text)],
    ['a Buffer, whose slices share its memory', (text: string): Uint8Array => Buffer.from(text)],
  ])('include a copy of their bytes with keepEncoded: %s', (_, chunkOf) => {
    const recorded = decoding({ keepEncoded: true })
    const chunk = chunkOf('ab\ncd')
    recorded.decoder.push(chunk)
    recorded.decoder.push(bytesOf('\n'))
    chunk.fill(0)

    expect(recorded.encoded).toEqual([bytesOf('ab'), bytesOf('cd')])
    expect(decoding().encoded).toEqual([])
  })

  test('have no bytes without keepEncoded', () => {
    const recorded = decoding()
    recorded.decoder.push(bytesOf('ab\n'))

    expect(recorded.encoded).toEqual([undefined])
  })
})

describe('invalid UTF-8', () => {
  test('is reported without losing the lines around it [GEN-02]', () => {
    const recorded = decoding()
    recorded.decoder.push(Buffer.concat([bytesOf('a\n'), Buffer.from('ff0a', 'hex'), bytesOf('b\nc')]))
    recorded.decoder.push(Buffer.concat([Buffer.from('c328', 'hex'), bytesOf('\nd\n')]))

    expect(recorded.lines).toEqual(['a', 'b', 'd'])
    expect(recorded.invalid).toEqual(['ff', '63c328'])
  })

  test.each([
    ['a lone continuation', '80'],
    ['an overlong slash', 'c0af'],
    ['a surrogate', 'eda080'],
    ['beyond the last code point', 'f4908080'],
    ['a character cut off by the line feed', 'e282'],
  ])('is reported once before the next line: %s', (_name, hex) => {
    const recorded = decoding()
    recorded.decoder.push(Buffer.concat([Buffer.from(hex, 'hex'), bytesOf('\nok\n')]))

    expect(recorded.invalid).toEqual([hex])
    expect(recorded.lines).toEqual(['ok'])
  })
})

describe('random bytes', () => {
  test('cause no throw, no buffer over the limit and no lost line', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 64 }),
            fc.constant(Uint8Array.of(0x0a)),
            fc.uint8Array({ minLength: 200, maxLength: 400, min: 0x20, max: 0x7e }),
          ),
          { maxLength: 30 },
        ),
        fc.boolean(),
        (chunks, keepEncoded) => {
          const recorded = decoding({ maxLineBytes: 100, keepEncoded })
          for (const chunk of chunks) {
            recorded.decoder.push(chunk)
            expect(recorded.decoder.bufferedBytes).toBeLessThanOrEqual(100)
          }
          recorded.decoder.push(bytesOf('\nafter\n'))

          expect(recorded.lines.at(-1)).toBe('after')
          for (const line of recorded.lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(100)
          for (const { bytes } of recorded.oversize) expect(bytes).toBeGreaterThan(100)
        },
      ),
    )
  })

  test('produce the same lines and reports for any chunk sizes', () => {
    const stream = fc
      .array(
        fc.oneof(
          fc.uint8Array({ maxLength: 30 }),
          fc.constantFrom(bytesOf('\n'), bytesOf('{}\n'), bytesOf('x'.repeat(120))),
        ),
        { maxLength: 20 },
      )
      .map((parts) => Buffer.concat([...parts, bytesOf('\n')]))
    fc.assert(
      fc.property(stream, cuts(), (bytes, places) => {
        const [whole, cut] = [decoding({ maxLineBytes: 100 }), decoding({ maxLineBytes: 100 })]
        whole.decoder.push(bytes)
        pushIn(cut.decoder, bytes, places)

        expect(cut.lines).toEqual(whole.lines)
        expect(cut.invalid).toEqual(whole.invalid)
        expect(cut.oversize).toHaveLength(whole.oversize.length)
      }),
    )
  })
})

describe('a line over the limit', () => {
  const cases = [
    ['in one chunk', (text: string) => [text]],
    ['with its line feed in the next chunk', (text: string) => [text.slice(0, -1), '\n']],
    ['in single bytes', (text: string) => [...text]],
    ['behind another line', (text: string) => [`b\n${text}`]],
    ['cut in the middle', (text: string) => [text.slice(0, 50), text.slice(50)]],
  ] as const

  test.each(cases)('is reported when its bytes exceed the limit: %s', (_name, cut) => {
    const sizes = [99, 100, 101].map((size) => {
      const recorded = decoding({ maxLineBytes: 100 })
      for (const chunk of cut(`${'x'.repeat(size)}\n`)) recorded.decoder.push(bytesOf(chunk))
      return [recorded.lines.at(-1)?.length === size, recorded.oversize.length, recorded.oversize[0]?.bytes]
    })

    expect(sizes).toEqual([
      [true, 0, undefined],
      [true, 0, undefined],
      [false, 1, 101],
    ])
  })

  test.each(cases)('is discarded up to its line feed: %s', (_name, cut) => {
    const recorded = decoding({ maxLineBytes: 100 })
    for (const chunk of cut(`${'x'.repeat(1_000)}\n`)) recorded.decoder.push(bytesOf(chunk))
    recorded.decoder.push(bytesOf('next\n'))

    expect(recorded.oversize).toHaveLength(1)
    expect(recorded.lines.filter((line) => line !== 'b')).toEqual(['next'])
  })

  test('buffers nothing while it is discarded', () => {
    const recorded = decoding({ maxLineBytes: 100 })
    for (let n = 0; n < 1_000; n++) recorded.decoder.push(bytesOf('x'.repeat(60)))

    expect(recorded.oversize).toEqual([{ bytes: 120, start: 60 }])
    expect(recorded.decoder.bufferedBytes).toBe(0)
  })

  test('is measured in bytes, not characters', () => {
    const recorded = decoding({ maxLineBytes: 100 })
    recorded.decoder.push(bytesOf(`${'é'.repeat(50)}\n${'é'.repeat(51)}\n`))

    expect(recorded.lines).toEqual(['é'.repeat(50)])
    expect(recorded.oversize).toHaveLength(1)
  })

  test('does not affect the lines around it', () => {
    const recorded = decoding({ maxLineBytes: 4 })
    recorded.decoder.push(bytesOf('a\ntoolong\nb\nc'))
    recorded.decoder.push(bytesOf('d\n'))

    expect(recorded.lines).toEqual(['a', 'b', 'cd'])
    expect(recorded.oversize).toEqual([{ bytes: 7, start: 7 }])
  })
})

describe('the buffer of an incomplete line', () => {
  test('holds its bytes up to the limit', () => {
    const recorded = decoding({ maxLineBytes: 10 })
    recorded.decoder.push(bytesOf('abc'))
    expect(recorded.decoder.bufferedBytes).toBe(3)
    recorded.decoder.push(bytesOf('defghij'))
    expect(recorded.decoder.bufferedBytes).toBe(10)
    recorded.decoder.push(bytesOf('\n'))

    expect(recorded.decoder.bufferedBytes).toBe(0)
    expect(recorded.lines).toEqual(['abcdefghij'])
  })

  test('copies each byte a bounded number of times for 1 MB in single bytes', () => {
    const size = 1_000_000
    const recorded = decoding({ maxLineBytes: size })
    const set = Uint8Array.prototype.set
    const copied = { bytes: 0, calls: 0 }
    const spy = vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (
      this: Uint8Array,
      from,
      at,
    ) {
      copied.bytes += from.length
      copied.calls++
      set.call(this, from, at)
    })
    const byte = bytesOf('x')
    for (let n = 0; n < size; n++) recorded.decoder.push(byte)
    recorded.decoder.push(bytesOf('\n'))
    spy.mockRestore()

    expect(recorded.lines[0]?.length).toBe(size)
    // Each byte is copied once on arrival, and about once more as the array doubles.
    expect(copied.bytes).toBeLessThan(3 * size)
    expect(copied.calls).toBeLessThan(size + 20)
  })
})

describe('the end of input', () => {
  test('delivers a last line without a line feed', () => {
    const recorded = decoding()
    recorded.decoder.push(bytesOf('a\nb'))
    recorded.decoder.end()

    expect(recorded.lines).toEqual(['a', 'b'])
    expect(recorded.decoder.bufferedBytes).toBe(0)
  })

  test('reports a last line with invalid UTF-8', () => {
    const recorded = decoding()
    recorded.decoder.push(Buffer.from('e282', 'hex'))
    recorded.decoder.end()

    expect(recorded.lines).toEqual([])
    expect(recorded.invalid).toEqual(['e282'])
  })

  test('delivers nothing with an empty buffer or while discarding', () => {
    const recorded = decoding({ maxLineBytes: 4 })
    recorded.decoder.end()
    recorded.decoder.push(bytesOf('toolong'))
    recorded.decoder.end()

    expect(recorded.lines).toEqual([])
    expect(recorded.oversize).toHaveLength(1)
  })
})

describe('stop()', () => {
  test('stops the delivery and releases the buffer', () => {
    const recorded = decoding()
    recorded.decoder.push(bytesOf('abc'))
    recorded.decoder.stop()
    expect(recorded.decoder.bufferedBytes).toBe(0)
    recorded.decoder.push(bytesOf('d\ne\n'))
    recorded.decoder.end()

    expect(recorded.lines).toEqual([])
    expect(recorded.decoder.bufferedBytes).toBe(0)
  })

  test.each([
    ['a line', 'a\nb\nc\nd', {}],
    ['a line that was kept with its bytes', 'a\nb\nc\nd', { keepEncoded: true }],
    ['a line over the limit', 'toolong\nb\nc\nd', { maxLineBytes: 4 }],
  ] as const)('takes effect at once when called from %s', (_name, text, options) => {
    const calls: unknown[] = []
    const stopping = (what: unknown): void => {
      calls.push(what)
      decoder.stop()
    }
    const decoder: LineDecoder = createLineDecoder(
      { line: stopping, invalid: stopping, oversize: stopping },
      { maxLineBytes: 100, ...options },
    )
    decoder.push(bytesOf(text))

    expect(calls).toHaveLength(1)
    expect(decoder.bufferedBytes).toBe(0)
  })

  test('takes effect within a line that began in an earlier chunk', () => {
    const calls: string[] = []
    const decoder: LineDecoder = createLineDecoder(
      {
        line: (line) => {
          calls.push(line)
          decoder.stop()
        },
        invalid: () => {},
        oversize: () => {},
      },
      { maxLineBytes: 100 },
    )
    decoder.push(bytesOf('a'))
    decoder.push(bytesOf('b\nc\nd'))

    expect(calls).toEqual(['ab'])
    expect(decoder.bufferedBytes).toBe(0)
  })
})
