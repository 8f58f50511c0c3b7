import { promisify } from 'node:util'
import { constants, gunzipSync, gzip, gzipSync } from 'node:zlib'
import { type Compression, TransportError } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { compressionCases } from '../src/describe-compression.js'
import { describeCompression } from '../src/index.js'

const good: Compression = {
  name: 'gzip',
  compress: (bytes) => new Uint8Array(gzipSync(bytes)),
  decompress: (bytes, maxBytes) => unzip(bytes, maxBytes),
  compressAsync: async (bytes) => new Uint8Array(await promisify(gzip)(bytes)),
  decompressAsync: async (bytes, maxBytes) => unzip(bytes, maxBytes),
}

function unzip(bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    const maxOutputLength = Math.min(Math.max(maxBytes, 1), 2 ** 31)
    const unzipped = new Uint8Array(gunzipSync(bytes, { maxOutputLength }))
    if (unzipped.length <= maxBytes) return unzipped
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE') throw malformed(cause)
  }
  throw tooLarge(maxBytes)
}

function malformed(cause: unknown): Error {
  return new TransportError('MALFORMED_MESSAGE', 'not gzip', { preview: '' }, { cause })
}

function tooLarge(maxMessageBytes: number): Error {
  return new TransportError('MESSAGE_TOO_LARGE', 'too long', { bytes: maxMessageBytes + 1, maxMessageBytes })
}

describeCompression('gzip', () => good)

const scratch = new Uint8Array(4_000_000)

const broken: Record<string, Partial<Compression>> = {
  'has a name that is invalid in a header': { name: 'my gzip\r\n' },
  'does not compress': { compress: (bytes) => new Uint8Array(gzipSync(bytes, { level: 0 })) },
  'drops the last byte': { decompress: (bytes, maxBytes) => unzip(bytes, maxBytes).subarray(0, -1) },
  'changes its input': {
    compress: (bytes) => {
      const packed = good.compress(bytes)
      bytes.fill(0)
      return packed
    },
  },
  'reuses its output': {
    decompress: (bytes, maxBytes) => {
      const unzipped = unzip(bytes, maxBytes)
      scratch.set(unzipped)
      return scratch.subarray(0, unzipped.length)
    },
  },
  'allows one byte more than maxBytes': { decompress: (bytes, maxBytes) => unzip(bytes, maxBytes + 1) },
  'ignores maxBytes': { decompress: (bytes) => unzip(bytes, Infinity) },
  'decompresses everything before it checks maxBytes': {
    decompress: (bytes, maxBytes) => {
      const unzipped = unzip(bytes, Infinity)
      if (unzipped.length > maxBytes) throw tooLarge(maxBytes)
      return unzipped
    },
  },
  'returns the start of truncated input': {
    decompress: (bytes, maxBytes) => {
      const maxOutputLength = Math.min(Math.max(maxBytes, 1), 2 ** 31)
      try {
        const whole = gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
        if (whole.length > maxBytes) throw tooLarge(maxBytes)
        return new Uint8Array(whole)
      } catch (cause) {
        throw (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
          ? tooLarge(maxBytes)
          : malformed(cause)
      }
    },
  },
  'throws the errors of its library': {
    decompress: (bytes, maxBytes) => {
      try {
        return unzip(bytes, maxBytes)
      } catch (error) {
        throw (error as Error).cause ?? error
      }
    },
  },
  'ignores maxBytes in decompressAsync()': {
    decompressAsync: async (bytes) => unzip(bytes, Infinity),
  },
}

for (const [defect, change] of Object.entries(broken)) {
  test(`the compression suite fails for a compression that ${defect}`, async () => {
    const failed: string[] = []
    for (const { title, run } of compressionCases) {
      await Promise.resolve()
        .then(() => run({ ...good, ...change }))
        .catch(() => failed.push(title))
    }
    expect(failed).not.toEqual([])
  })
}
