import { requestOf } from './messages.js'
import type { Load } from './suite.js'

/** Messages of one size, in chunks of one size. */
export interface FramingLoad extends Load {
  /** One long ASCII string, one long string of other scripts, or many small objects. */
  readonly shape: 'text' | 'utf8' | 'rows'
  /** Of one message. */
  readonly bytes: number
  /** Of one chunk. `random` is 1 byte to 64 KiB. */
  readonly chunkBytes: number | 'random'
}

/** The input of a reader: lines in one piece, and in chunks. */
export interface FramingInput {
  readonly whole: Buffer
  readonly chunks: Buffer[]
  readonly messages: number
}

const LEAST_BYTES = 1_000_000
const LEAST_BYTES_ONE_BY_ONE = 50_000
const MAX_CHUNK_BYTES = 65_536
const SEED = 20_261_123
const NOTE = 'ünïcödé 日本語 '

/** Lines of at least a megabyte in total. The same on every call. */
export function framingInput({ shape, bytes, chunkBytes }: FramingLoad): FramingInput {
  const least = chunkBytes === 1 ? LEAST_BYTES_ONE_BY_ONE : LEAST_BYTES
  const messages = Math.max(1, Math.ceil(least / bytes))
  const lines = Array.from(
    { length: messages },
    (_, id) => `${JSON.stringify(messageOf(shape, id, bytes))}\n`,
  )
  const whole = Buffer.from(lines.join(''))
  return { whole, chunks: chunksOf(whole, chunkBytes), messages }
}

function messageOf(shape: FramingLoad['shape'], id: number, bytes: number): unknown {
  if (shape === 'text') return requestOf(id, bytes)
  const request = requestOf(id)
  const room = Math.max(bytes - 200, 1)
  const { params } = request
  if (shape === 'utf8') {
    const note = NOTE.repeat(Math.ceil(room / Buffer.byteLength(NOTE)))
    return { ...request, params: { ...params, note } }
  }
  const row = {
    path: 'docs/reports/q3.md',
    line: 120,
    column: 7,
    text: 'revenue grew by',
    score: 0.75,
    hit: true,
  }
  const count = Math.ceil(room / (JSON.stringify(row).length + 1))
  return { ...request, params: { ...params, rows: Array.from({ length: count }, () => row) } }
}

function chunksOf(whole: Buffer, chunkBytes: FramingLoad['chunkBytes']): Buffer[] {
  const chunks: Buffer[] = []
  const random = randomFrom(SEED)
  let start = 0
  while (start < whole.length) {
    const length = chunkBytes === 'random' ? 1 + Math.floor(random() * MAX_CHUNK_BYTES) : chunkBytes
    chunks.push(whole.subarray(start, start + length))
    start += length
  }
  return chunks
}

/** The same sequence of numbers from 0 to 1 for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 2 ** 32
  }
}
