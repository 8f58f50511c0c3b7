import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Compression, isTransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const BOMB_BYTES = 67_108_864
const BOMB_LIMIT_BYTES = 65_536
/** Far less than the bomb, and far more than any codec needs besides its output. */
const MAX_MEMORY_BYTES = 33_554_432
const RANDOM_ROUNDS = 200

/** One test of the compression suite, as data. */
export interface CompressionCase {
  readonly title: string
  readonly run: (compression: Compression) => void | Promise<void>
}

/** Every test of the compression suite. */
export const compressionCases: readonly CompressionCase[] = [
  {
    title: 'has a name that is valid in a header',
    run: ({ name }) => expect(name, 'name of the coding').toMatch(TOKEN),
  },
  {
    title: 'decompresses any bytes to the original',
    run: (compression) => {
      for (const bytes of samples()) expectSame(roundTrip(compression, bytes), bytes)
    },
  },
  {
    title: 'makes a repetitive message smaller',
    run: (compression) => {
      const bytes = textBytes('{"jsonrpc":"2.0","method":"test/note"}'.repeat(1_000))
      expect(
        compression.compress(bytes).length,
        'compress() makes repeated bytes at least half as long',
      ).toBeLessThan(bytes.length / 2)
    },
  },
  {
    title: 'neither changes its inputs nor reuses its outputs',
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
      const random = createRandom(1)
      for (const bytes of [random.bytes(1_000), new Uint8Array(1_000), textBytes('ab'.repeat(50_000))]) {
        const packed = compression.compress(bytes)
        expectSame(compression.decompress(packed, bytes.length), bytes)
        expectSame(compression.decompress(packed, Infinity), bytes)
        const error = thrownBy(() => compression.decompress(packed, bytes.length - 1))
        if (!isTransportError(error, 'MESSAGE_TOO_LARGE'))
          throw new Error(`expected MESSAGE_TOO_LARGE, not ${String(error)}`)
        expect(error.details.maxMessageBytes, 'details.maxMessageBytes of MESSAGE_TOO_LARGE').toBe(
          bytes.length - 1,
        )
      }
    },
  },
  {
    title: 'stops at the limit without decompressing the rest',
    run: (compression) => {
      const packed = compression.compress(new Uint8Array(BOMB_BYTES))
      // Otherwise a collection during the call hides its allocations behind older garbage.
      collectGarbage()
      const before = memoryBytes()
      const error = thrownBy(() => compression.decompress(packed, BOMB_LIMIT_BYTES))
      const allocated = memoryBytes() - before
      expect(
        isTransportError(error, 'MESSAGE_TOO_LARGE'),
        `decompress() throws MESSAGE_TOO_LARGE beyond maxBytes; it threw ${String(error)}`,
      ).toBe(true)
      expect(allocated, 'bytes allocated by decompress() before it stopped').toBeLessThan(MAX_MEMORY_BYTES)
    },
  },
  {
    title: 'throws MALFORMED_MESSAGE for truncated input',
    run: (compression) => {
      const bytes = createRandom(2).bytes(3_000)
      const packed = compression.compress(bytes)
      for (let length = 0; length < packed.length; length += 1 + Math.floor(packed.length / 50)) {
        expectMalformed(compression, packed.subarray(0, length), `${length} of ${packed.length} bytes`)
      }
      expectMalformed(compression, packed.subarray(0, packed.length - 1), 'all bytes but one')
    },
  },
  {
    title: 'throws MALFORMED_MESSAGE for input of another format',
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
      const random = createRandom(3)
      const packed = compression.compress(textBytes('{"jsonrpc":"2.0","id":1,"result":{}}'.repeat(40)))
      for (let round = 0; round < RANDOM_ROUNDS; round++) {
        const damaged = round % 2 === 0 ? packed.slice() : random.bytes(random.below(200))
        if (damaged.length > 0) damaged[random.below(damaged.length)] = random.below(256)
        expectContained(compression, damaged)
      }
    },
  },
  {
    title: 'gives the same results with compressAsync() and decompressAsync()',
    run: async ({ compress, decompress, compressAsync, decompressAsync }) => {
      const bytes = textBytes('asynchronous '.repeat(2_000))
      if (compressAsync) expectSame(decompress(await compressAsync(bytes), bytes.length), bytes)
      if (!decompressAsync) return
      const packed = compress(bytes)
      expectSame(await decompressAsync(packed, bytes.length), bytes)
      await expect(
        decompressAsync(packed, bytes.length - 1),
        'error that decompress() throws',
      ).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      })
      await expect(
        decompressAsync(packed.subarray(0, packed.length >> 1), Infinity),
        'error that decompress() throws',
      ).rejects.toMatchObject({
        code: 'MALFORMED_MESSAGE',
      })
    },
  },
]

/**
 * Registers the compression suite with vitest. `make` creates a compression for each case.
 *
 * @example
 * ```ts
 * describeCompression('gzip', () => gzip())
 * ```
 */
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
  const random = createRandom(4)
  const incompressible = Array.from({ length: 60 }, () => random.bytes(random.below(5_000)))
  const repetitive = Array.from({ length: 20 }, () => textBytes('ab\u2028é'.repeat(random.below(3_000))))
  return [
    new Uint8Array(0),
    Uint8Array.of(0),
    textBytes('{"jsonrpc":"2.0","method":"test/note","params":{"text":"grüße 👩‍👩‍👧‍👦"}}'),
    new Uint8Array(1_048_576),
    random.bytes(300_000),
    random.bytes(2_000).subarray(100, 1_900),
    ...incompressible,
    ...repetitive,
  ]
}

function roundTrip(compression: Compression, bytes: Uint8Array): Uint8Array {
  return compression.decompress(compression.compress(bytes), Math.max(bytes.length, 1))
}

function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  // vitest compares byte by byte, which is too slow for megabytes.
  const isSame = Buffer.compare(actual, expected) === 0
  expect(isSame, `${actual.length} bytes differ from the expected ${expected.length} bytes`).toBe(true)
}

function expectMalformed(compression: Compression, bytes: Uint8Array, description: string): void {
  const error = thrownBy(() => compression.decompress(bytes, BOMB_LIMIT_BYTES))
  expect(isTransportError(error, 'MALFORMED_MESSAGE'), `${description}: ${String(error)}`).toBe(true)
}

/** Damaged input may still be well formed. */
function expectContained(compression: Compression, bytes: Uint8Array): void {
  try {
    expect(
      compression.decompress(bytes, BOMB_LIMIT_BYTES).length,
      'bytes that decompress() returned',
    ).toBeLessThanOrEqual(BOMB_LIMIT_BYTES)
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

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/** Allocated memory. Read right before and after a synchronous call, it shows the allocations of that call. */
function memoryBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** A pseudorandom source that repeats itself. */
interface Random {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number
  bytes(length: number): Uint8Array
}

/** Creates a pseudorandom source from a seed (mulberry32): a case that fails once fails again. */
function createRandom(seed: number): Random {
  let state = seed >>> 0

  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit)
  }

  return { below, bytes: (length) => Uint8Array.from({ length }, () => below(256)) }
}
