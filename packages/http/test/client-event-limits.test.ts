// What an unfinished event holds in memory, whatever its lines and chunks are.

import { collectedMemory } from '@mcpwire/test-support/collected-memory'
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

/** The same bytes in chunks of one. */
function* inBytes(chunks: Iterable<Buffer>): Generator<Buffer> {
  for (const chunk of chunks) for (let at = 0; at < chunk.length; at++) yield chunk.subarray(at, at + 1)
}

/** Feeds the chunks until the limit is reached. Returns the report of the limit. */
function read(chunks: Iterable<Uint8Array>) {
  let overflow: number | undefined
  let fed = 0
  const reader = new EventReaders(MAX).take({
    read: () => {},
    retry: () => {},
    overflow: (bytes) => {
      overflow = bytes
    },
  })
  for (const chunk of chunks) {
    if (overflow !== undefined) break
    reader.push(chunk)
    fed += chunk.length
  }
  return { overflow, fed, reader }
}

/** Memory that a test allocates besides the event. */
const SLACK = 400_000

describe('an event that does not end', () => {
  test.each([
    ['empty data lines', () => times(4, chunkOf('data:\n'))],
    ['empty data lines that end in CR', () => times(4, chunkOf('data:\r'))],
    ['empty data lines that end in CRLF', () => times(5, chunkOf('data:\r\n'))],
    ['data lines without a colon', () => times(3, chunkOf('data\n'))],
    ['data lines of a space', () => times(5, chunkOf('data: \n'))],
    ['data lines of one character', () => times(5, chunkOf('data:x\n'))],
    ['data lines of two characters', () => times(7, chunkOf('data: xy\n'))],
    ['data lines of one character that is not ASCII', () => times(5, chunkOf('data:é\n'))],
    ['data lines of 13 characters', () => times(12, chunkOf(`data: ${'x'.repeat(13)}\n`))],
    ['data lines of 40 characters', () => times(18, chunkOf(`data: ${'x'.repeat(40)}\n`))],
    ['data lines of 1000 characters', () => times(30, chunkOf(`data: ${'x'.repeat(1_000)}\n`))],
    ['data lines in chunks of one byte', () => inBytes(times(10, chunkOf(`data: ${'x'.repeat(13)}\n`)))],
    [
      'a data line among comments in each chunk',
      () => times(34, Buffer.from(`data: ${'x'.repeat(16)}\n:${'c'.repeat(60_000)}\n`)),
    ],
    [
      'a data line after an id in each chunk',
      () => times(34, Buffer.from(`id: ${'i'.repeat(60_000)}\ndata: ${'x'.repeat(16)}\n`)),
    ],
    [
      'a data line after a long comment',
      () => [Buffer.from(`:${'c'.repeat(8_000_000)}\ndata: partial text`)],
    ],
    [
      'a data line after long events',
      () => [Buffer.from(`data: ${'x'.repeat(8_000_000)}\n\ndata: partial text`)],
    ],
    ['a data line in chunks of one byte', () => inPieces(1, 'data: ', 900_000)],
    ['a data line in chunks of two bytes', () => inPieces(2, 'data: ', 900_000)],
    ['a data line in chunks of 20 bytes', () => inPieces(20, 'data: ', 900_000)],
    ['an id in chunks of one byte', () => inPieces(1, 'id: ', 900_000)],
    ['a type in chunks of one byte', () => inPieces(1, 'event: ', 900_000)],
    ['a delay in chunks of one byte', () => inPieces(1, 'retry: ', 900_000)],
    ['a comment in chunks of one byte', () => inPieces(1, ':', 900_000)],
    ['a name in chunks of one byte', () => inPieces(1, 'd', 900_000)],
    ['id lines', () => times(12, chunkOf('id: 1234567890123456\n'))],
    ['type lines', () => times(12, chunkOf('event: message-of-mine\n'))],
    ['delay lines', () => times(400, chunkOf('retry: 1000\n'))],
    ['comments', () => times(400, chunkOf(': comment\n'))],
    ['unknown fields', () => times(400, chunkOf('foo: bar\n'))],
    ['comments in chunks that split them', () => times(400, Buffer.from(`${':ping\n'.repeat(9_000)}: pi`))],
    ['a comment in each chunk', () => times(100_000, Buffer.from(': ping\n'))],
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
      const before = await collectedMemory(1)
      const { overflow, reader } = read(chunks())
      expect(overflow).toBeUndefined()
      expect((await collectedMemory(2)).held - before.held).toBeLessThan(2 * MAX + SLACK)
      reader.release()
    },
  )

  test.each([
    ['empty data lines', 'data:\n', 55_242],
    ['data lines without a colon', 'data\n', 56_736],
    ['empty data lines that end in CRLF', 'data:\r\n', 55_242],
    ['data lines of one character', 'data:x\n', 53_826],
    ['data lines of nine characters', 'data: 123456789\n', 43_733],
    ['id lines', 'id: 1\n', 55_242],
    ['type lines', 'event: x\n', 51_200],
  ])('is too large after a number of %s', (_what, line, count) => {
    const { overflow, fed } = read([Buffer.from('data:\n'), ...times(200, chunkOf(line))])
    expect(overflow).toBeGreaterThan(2 * MAX)
    expect(fed / line.length).toBeGreaterThanOrEqual(count - 5)
    expect(fed / line.length).toBeLessThan(count + 65_536 / line.length + 5)
  })

  test.each([
    ['comments', ': comment\n'],
    ['long comments', `:${'c'.repeat(5_000)}\n`],
    ['delays', 'retry: 1000\n'],
    ['unknown fields', 'foo: bar\n'],
  ])('is too large after too many %s inside', (_what, line) => {
    const { overflow, fed } = read([Buffer.from('id: 1\n'), ...times(200, chunkOf(line))])
    expect(overflow).toBeGreaterThan(2 * MAX)
    expect(fed).toBeLessThan(2 * MAX + 131_072)
  })

  test.each([
    ['a data line', 'data: '],
    ['an id', 'id: '],
    ['a type', 'event: '],
    ['a delay', 'retry: 1'],
    ['a comment', ':'],
    ['an unknown field', 'foo: '],
    ['a name', 'd'],
  ])('is too large where %s has no end', (_what, start) => {
    const { overflow, fed } = read([Buffer.from(start), ...times(200, chunkOf('7'))])
    expect(overflow).toBeGreaterThan(MAX)
    expect(fed).toBeLessThan(MAX + 131_072)
  })
})

test.each([
  ['in one line', MAX],
  ['in lines of 64 characters', 64],
  ['in lines of 100 characters', 100],
  ['in lines of 5000 characters', 5_000],
])('reads an event of exactly maxMessageBytes %s', (_how, width) => {
  const lines = 'x'.repeat(MAX).match(new RegExp(`.{1,${width}}`, 'g')) ?? []
  const data = lines
    .join('\n')
    .slice(0, MAX - 1)
    .concat('x')
  const text = `event: message\nid: 1\n${data.replaceAll(/^/gm, 'data: ')}\n\n`
  for (const size of [1, 1_400, 65_536, text.length]) {
    const found: string[] = []
    const failed: number[] = []
    const reader = new EventReaders(MAX).take({
      read: (event) => found.push(event.data),
      retry: () => {},
      overflow: (bytes) => failed.push(bytes),
    })
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    expect(failed).toEqual([])
    expect(found.map(({ length }) => length)).toEqual([MAX])
    expect(found[0] === data).toBe(true)
  }
})

test('reports a delay before the event with it ends', () => {
  const delays: number[] = []
  const reader = new EventReaders(MAX).take({
    read: () => {},
    retry: (retryMs) => delays.push(retryMs),
    overflow: () => {},
  })
  for (const chunk of ['id: 1\nret', 'ry: 5', '00\nda']) reader.push(Buffer.from(chunk))
  expect(delays).toEqual([500])
})

test('reads the same events wherever the text is cut', () => {
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
  const eventsOf = (chunks: Iterable<Uint8Array>) => {
    const events: unknown[] = []
    let delay: number | undefined
    const reader = new EventReaders(MAX).take({
      read: ({ id, event, data }) => events.push({ id, event, data }),
      retry: (retryMs) => {
        delay = retryMs
      },
      overflow: () => {},
    })
    for (const chunk of chunks) reader.push(chunk)
    return { events, delay }
  }
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 6 }), (pieces, cuts) => {
      const bytes = Buffer.from(`${pieces.join('')}\n\n`)
      const at = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b)
      const chunks = [0, ...at].map((from, nth) => bytes.subarray(from, at[nth] ?? bytes.length))
      const whole = eventsOf([bytes])
      expect(eventsOf(chunks)).toEqual(whole)
      expect(eventsOf(inBytes([bytes]))).toEqual(whole)
    }),
    { numRuns: 1_000 },
  )
})
