// What an unfinished event holds in memory, whatever its lines and chunks are.

import { collectedMemory } from '@mcpwire/test-support/collected-memory'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventReaders } from '../src/client/call/event-reader.js'

const MAX = 1_048_576
const chunkOf = (text: string): Buffer => Buffer.from(text.repeat(Math.ceil(65_536 / text.length)))
const times = (count: number, chunk: Buffer): Buffer[] => Array.from({ length: count }, () => chunk)
/** Chunks with this many bytes each of one long text. */
function* inPieces(bytes: number, start: string, count: number): Generator<Buffer> {
  yield Buffer.from(start)
  for (let at = 0; at < count; at += bytes) yield Buffer.alloc(bytes, 'x')
}

/** Feeds the chunks until the limit is reached. Returns what was reported, and what is held then or at the end. */
async function read(chunks: Iterable<Uint8Array>) {
  let overflow: number | undefined
  let fed = 0
  const before = (await collectedMemory()).held
  const reader = new EventReaders(MAX).take({
    read: () => {},
    retry: () => {},
    overflow: (characters) => {
      overflow = characters
    },
  })
  let most = 0
  for (const chunk of chunks) {
    if (overflow !== undefined) break
    reader.push(chunk)
    fed += chunk.length
  }
  if (overflow === undefined) most = (await collectedMemory()).held - before
  return { overflow, fed, held: most, reader }
}

/** Memory that a test allocates besides the event. */
const SLACK = 600_000

describe('an event that does not end', () => {
  test.each([
    // The limit of 1 MiB of data is not reached by the first ones.
    ['empty data lines', () => times(90, chunkOf('data:\n'))],
    ['empty data lines that end in CR', () => times(90, chunkOf('data:\r'))],
    ['empty data lines that end in CRLF', () => times(100, chunkOf('data:\r\n'))],
    ['data lines without a colon', () => times(75, chunkOf('data\n'))],
    ['data lines of a space', () => times(100, chunkOf('data: \n'))],
    ['data lines of one character', () => times(50, chunkOf('data:x\n'))],
    ['data lines of two characters', () => times(40, chunkOf('data: xy\n'))],
    ['data lines of one character that is not ASCII', () => times(50, chunkOf('data:é\n'))],
    ['data lines of 13 characters', () => times(20, chunkOf(`data: ${'x'.repeat(13)}\n`))],
    ['data lines of 40 characters', () => times(16, chunkOf(`data: ${'x'.repeat(40)}\n`))],
    [
      'a data line among comments in each chunk',
      () => times(800, Buffer.from(`data: ${'x'.repeat(16)}\n:${'c'.repeat(60_000)}\n`)),
    ],
    [
      'a data line after an id in each chunk',
      () => times(800, Buffer.from(`id: ${'i'.repeat(60_000)}\ndata: ${'x'.repeat(16)}\n`)),
    ],
    ['a data line in chunks of one byte', () => inPieces(1, 'data: ', 900_000)],
    ['a data line in chunks of two bytes', () => inPieces(2, 'data: ', 900_000)],
    ['a data line in chunks of 20 bytes', () => inPieces(20, 'data: ', 900_000)],
    ['an id in chunks of one byte', () => inPieces(1, 'id: ', 900_000)],
    ['a type in chunks of one byte', () => inPieces(1, 'event: ', 900_000)],
    ['a delay in chunks of one byte', () => inPieces(1, 'retry: ', 900_000)],
    ['a comment in chunks of one byte', () => inPieces(1, ':', 900_000)],
    ['a name in chunks of one byte', () => inPieces(1, 'd', 900_000)],
    ['id lines', () => times(400, chunkOf('id: 1234567890123456\n'))],
    ['type lines', () => times(400, chunkOf('event: message-of-mine\n'))],
    ['delay lines', () => times(400, chunkOf('retry: 1000\n'))],
    ['comments', () => times(400, chunkOf(': comment\n'))],
    ['unknown fields', () => times(400, chunkOf('foo: bar\n'))],
    ['blank lines', () => times(400, chunkOf('\n'))],
    [
      'a long type, a long id and data',
      () => [
        chunkOf('event:x'),
        Buffer.from('\nid:'),
        chunkOf('y'),
        Buffer.from('\ndata:'),
        ...times(15, chunkOf('z')),
      ],
    ],
  ] as [string, () => Iterable<Uint8Array>][])(
    'holds at most twice maxMessageBytes with %s',
    async (_what, chunks) => {
      const { overflow, held, reader } = await read(chunks())
      expect(overflow).toBeUndefined()
      expect(held).toBeLessThan(2 * MAX + SLACK)
      reader.release()
    },
  )

  test.each([
    ['empty data lines', 'data:\n', MAX * 6],
    ['data lines without a colon', 'data\n', MAX * 5],
    ['empty data lines that end in CRLF', 'data:\r\n', MAX * 7],
    ['data lines of one character', 'data:x\n', (MAX / 2) * 7],
    ['data lines of nine characters', 'data: 123456789\n', (MAX / 10) * 16],
  ])('is too large after as many %s as its data has characters', async (_what, line, bytes) => {
    const { overflow, fed } = await read(times(200, chunkOf(line)))
    expect(overflow).toBeGreaterThan(MAX)
    expect(overflow).toBeLessThan(MAX + 65_536)
    expect(fed).toBeGreaterThanOrEqual(bytes - 65_536)
    expect(fed).toBeLessThan(bytes + 131_072)
  })

  test.each([
    ['a data line', 'data: '],
    ['an id', 'id: '],
    ['a type', 'event: '],
    ['a delay', 'retry: 1'],
    ['a comment', ':'],
    ['an unknown field', 'foo: '],
    ['a name', 'd'],
  ])('is too large where %s has no end', async (_what, start) => {
    const { overflow, fed } = await read([Buffer.from(start), ...times(200, chunkOf('7'))])
    expect(overflow).toBeGreaterThan(MAX)
    expect(fed).toBeLessThan(MAX + 131_072)
  })
})

test.each([
  ['in one line', (text: string) => `data: ${text}\n\n`],
  [
    'in lines of one character',
    (text: string) =>
      `${text
        .split('\n')
        .map((line) => `data:${line}\n`)
        .join('')}\n`,
  ],
])('reads an event of exactly maxMessageBytes %s', (_how, write) => {
  const text = `${'x\n'.repeat(MAX / 2 - 1)}xx`
  const data = _how === 'in one line' ? text.replaceAll('\n', ' ') : text
  const found: string[] = []
  const failed: number[] = []
  const reader = new EventReaders(MAX).take({
    read: (event) => found.push(event.data),
    retry: () => {},
    overflow: (characters) => failed.push(characters),
  })
  const bytes = Buffer.from(write(data))
  for (let at = 0; at < bytes.length; at += 65_536) reader.push(bytes.subarray(at, at + 65_536))
  expect(failed).toEqual([])
  expect(found.map(({ length }) => length)).toEqual([MAX])
  expect(found[0] === data).toBe(true)
})

test('reads the same events as another parser, wherever the text is cut', () => {
  const piece = fc.constantFrom(
    'data: a',
    'data:b',
    'data',
    'data:',
    'data: ',
    'data:  x',
    'dat',
    'datax: 1',
    'id: 1',
    'id',
    'id:',
    'id:\0',
    'event: x',
    'event:',
    'event',
    'eventx',
    'retry: 5',
    'retry: x',
    'retry',
    ': c',
    ':',
    'foo',
    'foo: bar',
    'é: ü',
    'data: ü☃',
    '\n',
    '\n',
    '\n',
    '\r\n',
    '\r',
    '\n\n',
    '\uFEFF',
    ' data: no',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 6 }), (pieces, cuts) => {
      const text = `${pieces.join('')}\n\n`
      const expected: unknown[] = []
      const other = createParser({
        onEvent: ({ id, event, data }) => expected.push({ id, event, data }),
        onRetry: (retryMs) => expected.push(retryMs),
      })
      // It has another rule for the mark at the start, and for a CR at the end of a chunk.
      other.feed(text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n'))
      const found: unknown[] = []
      const reader = new EventReaders(MAX).take({
        read: ({ id, event, data }) => found.push({ id, event, data }),
        retry: (retryMs) => found.push(retryMs),
        overflow: () => {},
      })
      const bytes = Buffer.from(text)
      const at = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b)
      for (const [nth, from] of [0, ...at].entries())
        reader.push(bytes.subarray(from, at[nth] ?? bytes.length))
      // The other parser drops events with only an id.
      const withData = found.filter(
        (each) => typeof each === 'number' || (each as { data: string }).data !== '',
      )
      const theirs = expected.filter(
        (each) => typeof each === 'number' || (each as { data: string }).data !== '',
      )
      expect(withData).toEqual(theirs)
    }),
    { numRuns: 2_000 },
  )
})
