import { type Compression, isTransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { createChance } from './chance.js'

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const BOMB_BYTES = 67_108_864
const BOMB_LIMIT_BYTES = 65_536
/** Far less than the bomb, far more than any codec needs besides its output. */
const MOST_MEMORY_BYTES = 33_554_432
const RANDOM_ROUNDS = 200

/** One test of the compression suite, as data. */
export interface CompressionCase {
  readonly title: string
  readonly run: (compression: Compression) => void | Promise<void>
}

/** Every test of the compression suite. */
export const compressionCases: readonly CompressionCase[] = [
  {
    title: 'has a name that can stand in a header',
    run: ({ name }) => expect(name).toMatch(TOKEN),
  },
  {
    title: 'gives back what it was given, whatever that is',
    run: (compression) => {
      for (const bytes of samples()) expectSame(roundTrip(compression, bytes), bytes)
    },
  },
  {
    title: 'makes a repetitive message smaller',
    run: (compression) => {
      const bytes = textBytes('{"jsonrpc":"2.0","method":"test/note"}'.repeat(1_000))
      expect(compression.compress(bytes).length).toBeLessThan(bytes.length / 2)
    },
  },
  {
    title: 'changes none of its inputs, and reuses none of its outputs',
    run: (compression) => {
      const [first, second] = [textBytes('first '.repeat(500)), textBytes('second '.repeat(500))]
      const copy = first.slice()
      const packed = compression.compress(first)
      const packedCopy = packed.slice()
      const unpacked = compression.decompress(packed, first.length)
      roundTrip(compression, second)
      expectSame(first, copy)
      expectSame(packed, packedCopy)
      expectSame(unpacked, copy)
    },
  },
  {
    title: 'decompresses up to maxBytes, and throws MESSAGE_TOO_LARGE for one byte more',
    run: (compression) => {
      const chance = createChance(1)
      for (const bytes of [chance.bytes(1_000), new Uint8Array(1_000), textBytes('ab'.repeat(50_000))]) {
        const packed = compression.compress(bytes)
        expectSame(compression.decompress(packed, bytes.length), bytes)
        expectSame(compression.decompress(packed, Infinity), bytes)
        const error = thrownBy(() => compression.decompress(packed, bytes.length - 1))
        if (!isTransportError(error, 'MESSAGE_TOO_LARGE')) throw new Error(`it was ${String(error)}`)
        expect(error.details.maxMessageBytes).toBe(bytes.length - 1)
      }
    },
  },
  {
    title: 'stops before the limit, instead of unpacking everything to look at its length',
    run: (compression) => {
      const packed = compression.compress(new Uint8Array(BOMB_BYTES))
      const before = memoryBytes()
      const error = thrownBy(() => compression.decompress(packed, BOMB_LIMIT_BYTES))
      const taken = memoryBytes() - before
      expect(isTransportError(error, 'MESSAGE_TOO_LARGE'), String(error)).toBe(true)
      expect(taken).toBeLessThan(MOST_MEMORY_BYTES)
    },
  },
  {
    title: 'throws MALFORMED_MESSAGE for what was cut short',
    run: (compression) => {
      const bytes = createChance(2).bytes(3_000)
      const packed = compression.compress(bytes)
      for (let length = 0; length < packed.length; length += 1 + Math.floor(packed.length / 50)) {
        expectMalformed(compression, packed.subarray(0, length), `${length} of ${packed.length} bytes`)
      }
      expectMalformed(compression, packed.subarray(0, packed.length - 1), 'all bytes but one')
    },
  },
  {
    title: 'throws MALFORMED_MESSAGE for what it never made',
    run: (compression) => {
      for (const text of ['x', '{"jsonrpc":"2.0","method":"test/note"}', '\u0000\u0000\u0000\u0000']) {
        expectMalformed(compression, textBytes(text), text)
      }
    },
  },
  {
    title:
      'throws nothing but MALFORMED_MESSAGE and MESSAGE_TOO_LARGE for damaged input, and never exceeds maxBytes',
    run: (compression) => {
      const chance = createChance(3)
      const packed = compression.compress(textBytes('{"jsonrpc":"2.0","id":1,"result":{}}'.repeat(40)))
      for (let round = 0; round < RANDOM_ROUNDS; round++) {
        const damaged = round % 2 === 0 ? packed.slice() : chance.bytes(chance.below(200))
        if (damaged.length > 0) damaged[chance.below(damaged.length)] = chance.below(256)
        expectContained(compression, damaged)
      }
    },
  },
  {
    title: 'does the same away from the event loop, where it can',
    run: async ({ compress, decompress, compressAsync, decompressAsync }) => {
      const bytes = textBytes('away from the event loop '.repeat(2_000))
      if (compressAsync) expectSame(decompress(await compressAsync(bytes), bytes.length), bytes)
      if (!decompressAsync) return
      const packed = compress(bytes)
      expectSame(await decompressAsync(packed, bytes.length), bytes)
      await expect(decompressAsync(packed, bytes.length - 1)).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      })
      await expect(decompressAsync(packed.subarray(0, packed.length >> 1), Infinity)).rejects.toMatchObject({
        code: 'MALFORMED_MESSAGE',
      })
    },
  },
]

/** Registers the compression suite with vitest. `make` makes the compression anew for each case. */
export function describeCompression(name: string, make: () => Compression | Promise<Compression>): void {
  describe.sequential(`${name} keeps the contract of a compression`, () => {
    for (const { title, run } of compressionCases) {
      test(title, async () => {
        await run(await make())
      })
    }
  })
}

function samples(): Uint8Array[] {
  const chance = createChance(4)
  const random = Array.from({ length: 60 }, () => chance.bytes(chance.below(5_000)))
  const repetitive = Array.from({ length: 20 }, () => textBytes('ab\u2028é'.repeat(chance.below(3_000))))
  return [
    new Uint8Array(0),
    Uint8Array.of(0),
    textBytes('{"jsonrpc":"2.0","method":"test/note","params":{"text":"grüße 👩‍👩‍👧‍👦"}}'),
    new Uint8Array(1_048_576),
    chance.bytes(300_000),
    chance.bytes(2_000).subarray(100, 1_900),
    ...random,
    ...repetitive,
  ]
}

function roundTrip(compression: Compression, bytes: Uint8Array): Uint8Array {
  return compression.decompress(compression.compress(bytes), Math.max(bytes.length, 1))
}

function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  // An equality of vitest's own walks each byte; this one is for megabytes.
  const isSame = Buffer.compare(actual, expected) === 0
  expect(isSame, `${actual.length} bytes came back for ${expected.length}, or others`).toBe(true)
}

function expectMalformed(compression: Compression, bytes: Uint8Array, what: string): void {
  const error = thrownBy(() => compression.decompress(bytes, BOMB_LIMIT_BYTES))
  expect(isTransportError(error, 'MALFORMED_MESSAGE'), `${what}: ${String(error)}`).toBe(true)
}

/** Damage may happen to leave something that is well formed. */
function expectContained(compression: Compression, bytes: Uint8Array): void {
  try {
    expect(compression.decompress(bytes, BOMB_LIMIT_BYTES).length).toBeLessThanOrEqual(BOMB_LIMIT_BYTES)
  } catch (error) {
    if (isTransportError(error, 'MALFORMED_MESSAGE') || isTransportError(error, 'MESSAGE_TOO_LARGE')) return
    throw error
  }
}

function thrownBy(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return error
  }
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** What is allocated right after a call shows what the call allocated, since nothing was collected meanwhile. */
function memoryBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}
