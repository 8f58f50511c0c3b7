import type { JsonRpcMessage, Transport } from '@mcpwire/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Fetch, httpClient } from '../src/index.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const encoder = new TextEncoder()
const events = { 'content-type': 'text/event-stream' }

/** A `fetch` that responds to everything with these bytes, in these pieces. */
function responding(pieces: readonly Uint8Array[], headers: Record<string, string>): Fetch {
  return async () => {
    const left = [...pieces]
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = left.shift()
        if (piece) controller.enqueue(piece)
        else controller.close()
      },
    })
    return new Response(body, { headers })
  }
}

/** The messages and errors after one request. */
async function outcomeOf(fetch: Fetch): Promise<{ messages: JsonRpcMessage[]; errors: Error[] }> {
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  const transport: Transport = httpClient({ url: 'http://127.0.0.1:1/mcp', fetch })
  const answered = new Promise<void>((resolve) => {
    transport.onmessage = (message) => {
      messages.push(message)
      if ('id' in message && message.id === 1 && !('method' in message)) resolve()
    }
    transport.onclose = resolve
  })
  transport.onerror = (error) => errors.push(error)
  await transport.start()
  await transport.send(call)
  await answered
  await transport.close()
  return { messages, errors }
}

function split(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at]
    .map((from, nth) => bytes.slice(from, at[nth] ?? bytes.length))
    .filter(({ length }) => length > 0)
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const places = fc.array(fc.nat(), { maxLength: 12 })

test('reads a response the same wherever its bytes are split, as JSON and as events', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { maxLength: 5 }),
      places,
      fc.constantFrom('\n', '\r\n', '\r'),
      async (words, cuts, end) => {
        const notes = words.map((word) => ({
          jsonrpc: '2.0' as const,
          method: 'notifications/message',
          params: { word },
        }))
        const result = { jsonrpc: '2.0' as const, id: 1, result: { words } }
        const stream = [...notes, result].map(
          (each) => `event: message${end}data: ${JSON.stringify(each)}${end}${end}`,
        )
        // A lone CR at the very end may be the first half of a CRLF: a comment settles it.
        const bytes = encoder.encode(`${stream.join('')}:${end}`)
        expect(await outcomeOf(responding(split(bytes, cuts), events))).toEqual({
          messages: [...notes, result],
          errors: [],
        })

        const json = encoder.encode(JSON.stringify(result))
        const headers = { 'content-type': 'application/json; charset=utf-8' }
        expect(await outcomeOf(responding(split(json, cuts), headers))).toEqual({
          messages: [result],
          errors: [],
        })
      },
    ),
    { numRuns: 60 },
  )
})

test('delivers at most one response, whatever the server sends', async () => {
  const kinds = fc.constantFrom('application/json', 'text/event-stream', 'text/html', '')
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    text.map((word) => encoder.encode(word)),
    fc
      .constantFrom(
        'data: ',
        'id: 1\n',
        'retry: 1\n',
        '\n\n',
        ': x\n',
        '{"jsonrpc":"2.0"',
        ',"id":1',
        ',"result":{}}',
        '[',
        ']',
      )
      .map((word) => encoder.encode(word)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), kinds, async (parts, kind) => {
      let calls = 0
      const bytes = responding(parts, kind === '' ? {} : { 'content-type': kind })
      // A resumable response is requested again, and refused.
      const fetch: Fetch = (url, init) =>
        calls++ === 0 ? bytes(url, init) : Promise.resolve(new Response(null, { status: 405 }))
      const { messages } = await outcomeOf(fetch)
      expect(
        messages.filter((message) => 'id' in message && message.id === 1 && !('method' in message)).length,
      ).toBeLessThanOrEqual(1)
    }),
    { numRuns: 150 },
  )
})
