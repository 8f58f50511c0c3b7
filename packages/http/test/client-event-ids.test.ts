import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { cpuTimeOf } from '@mcpwire/test-support/cpu-time'
import { describe, expect, test } from 'vitest'
import { EventReaders } from '../src/client/call/event-reader.js'
import { event, initializedClient, resultFor, scriptedServer, stream } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }

test.each([
  ['alone', 'id: e1\n\n', 'e1'],
  ['after a message', `${event(note, 'e0')}id: e1\n\n`, 'e1'],
  ['before a message without one', `id: e1\n\n${event(note)}`, 'e1'],
  ['before a message with one', `id: e1\n\n${event(note, 'e2')}`, 'e2'],
  ['with other fields but data', 'event: ping\r\nid: e1\r\nretry: 7\r\n\r\n', 'e1'],
  ['in an event that did not end', 'id: e0\n\nid: e1\n', 'e0'],
])('resumes a stream after an event with only an id: %s', async (_where, text, resumedAfter) => {
  const clock = createFakeClock()
  const server = await scriptedServer(({ method, headers, message, response }) => {
    if (method === 'GET' && headers['last-event-id'] !== undefined)
      stream(response, event(resultFor(1))).end()
    else if (message && isRequest(message) && message.method === 'tools/call') stream(response, text).end()
    else return false
    return true
  })
  const tokens: string[] = []
  const client = await initializedClient(server, { clock, random: () => 0 })
  await client.transport.send(call, { onresumptiontoken: (token) => tokens.push(token) })
  await server.until(() => clock.pending === 1, 'a retry is scheduled')
  await clock.advance(1_000)
  expect(await client.responseTo(1)).toEqual(resultFor(1))
  const lastIds = server.of('GET').map(({ headers }) => headers['last-event-id'])
  expect(lastIds.filter((id) => id !== undefined)).toEqual([resumedAfter])
  expect(tokens.at(-1)).toBe(resumedAfter)
})

test('resumes the GET stream after one as well', async () => {
  const server = await scriptedServer(({ method, headers, response }) => {
    if (method !== 'GET') return false
    if (headers['last-event-id'] === undefined) stream(response, 'id: g1\nretry: 0\n\n').end()
    else stream(response, event(note))
    return true
  })
  const client = await initializedClient(server, { minRetryMs: 0 })
  await expect.poll(() => client.messages.at(-1)).toEqual(note)
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'g1'])
})

describe('the event reader', () => {
  const fields =
    ': hi\n\nid: a\n\nid: b\ndata: 1\n\nid\n\ndata: 2\nid: c\n\nevent: x\nid: d\n\nid: e\nid:f\n\nid: \0\n\nid: g\n'
  const read = ['a', 'b 1', '', 'c 2', 'd', 'f']

  /** The ids and data in these pieces. */
  function readOf(pieces: readonly Uint8Array[], maxMessageBytes = 4_096): string[] {
    const found: string[] = []
    const reader = new EventReaders(maxMessageBytes).take({
      read: ({ id, data }) => found.push(data === '' ? (id ?? '') : `${id} ${data}`),
      retry: () => {},
      overflow: () => {},
    })
    for (const piece of pieces) reader.push(piece)
    return found
  }

  test('drops an id that is too long for a header, and keeps the one before', () => {
    const long = 'é☃'.repeat(50_000)
    const bytes = Buffer.from(`id: a\n\nid: ${long}\n\nid: ${long}\ndata: 1\n\nid: b\n\n`)
    expect(readOf([bytes])).toEqual(['a', 'undefined 1', 'b'])
    const pieces = Array.from({ length: bytes.length / 1_000 + 1 }, (_, at) =>
      bytes.subarray(at * 1_000, at * 1_000 + 1_000),
    )
    expect(readOf(pieces, 1_000_000)).toEqual(['a', 'undefined 1', 'b'])
  })

  // Each takes seconds where the cost of a line grows with the text around it.
  test.each([
    ['lines that end in CR', [Buffer.alloc(1_000_000, '\r')]],
    ['events with only an id', [Buffer.from('id: 1\n\n'.repeat(200_000))]],
    ['a line in pieces', Array.from({ length: 8_000 }, () => Buffer.alloc(1_400, 'i'))],
    [
      'an id in pieces',
      [Buffer.from('id:'), ...Array.from({ length: 8_000 }, () => Buffer.alloc(1_400, 'i'))],
    ],
  ])('reads %s in linear time', (_, pieces) => {
    expect(cpuTimeOf(() => readOf(pieces, 20_000_000))).toBeLessThan(3_000)
  })

  test.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('reads ids the same wherever the bytes are split, with lines that end in %s', (_, end) => {
    const bytes = Buffer.from(fields.replaceAll('\n', end))
    expect(readOf([bytes])).toEqual(read)
    expect(readOf(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(read)
    for (let first = 1; first < bytes.length; first++) {
      for (let second = first; second < bytes.length; second += 3) {
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        expect(readOf(pieces), `cut at ${first} and ${second}`).toEqual(read)
      }
    }
  })
})
