import { createFakeClock, turns, until, within } from '@mcpwire/compliance'
import { uncaughtErrors } from '@mcpwire/test-support/uncaught-errors'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import { initializedClient, scriptedServer } from './support/scripted-server.js'

const TIMEOUT_MS = 30_000
const ask = { jsonrpc: '2.0' as const, id: 7, method: 'test/ask' }

test('rejects send() with invalid options, and leaves no unhandled rejection', async () => {
  const unhandled = uncaughtErrors()
  const server = await scriptedServer()
  const { transport } = await initializedClient(server)
  const headers = null as unknown as Record<string, string>
  await expect(within(transport.send(ask, { headers }), 'it settles', TIMEOUT_MS)).rejects.toThrow(TypeError)
  await transport.close()
  await turns()
  await new Promise((resolve) => setImmediate(resolve))
  expect(unhandled).toEqual([])
})

test('closes without an error before closeTimeoutMs where the server does not respond to the DELETE', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(({ method }) => method === 'DELETE')
  const { transport, errors } = await initializedClient(server, { clock, closeTimeoutMs: 1_000 })
  const closed = transport.close()
  await server.until(() => server.of('DELETE').length === 1, 'the server has the DELETE')
  await clock.advance(800)
  await within(closed, 'it closes', TIMEOUT_MS)
  expect(errors).toEqual([])
})

describe('a JSON response that the platform has decompressed', () => {
  // `content-length` counts the compressed bytes, and a chunk may have just that length.
  test.each([1, 2, 3])('is read whole where chunk %i has the length of the compressed body', async (nth) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 7, result: { text: '\u{1F600}'.repeat(20) } })
    const bytes = new TextEncoder().encode(text)
    const length = 61
    const cuts = [nth === 1 ? length : 50, 50 + (nth === 2 ? length : 40), 0]
    cuts[2] = nth === 3 ? (cuts[1] ?? 0) + length : bytes.length
    const parts = [0, ...cuts].map((from, at) => bytes.subarray(from, cuts[at] ?? bytes.length))
    const body = new ReadableStream({
      start(controller) {
        for (const part of parts) if (part.length > 0) controller.enqueue(part)
        controller.close()
      },
    })
    const headers = { 'content-type': 'application/json', 'content-length': String(length) }
    const fetch = async (): Promise<Response> => new Response(body, { headers })
    const transport = httpClient({ url: 'http://localhost/mcp', fetch })
    const messages: unknown[] = []
    transport.onmessage = (message) => messages.push(message)
    onTestFinished(() => transport.close())
    await transport.start()
    await transport.send(ask)
    await until(() => messages.length > 0, 'a response', TIMEOUT_MS)
    expect(messages).toEqual([JSON.parse(text)])
  })
})

describe('a fetch that returns no Response', () => {
  const nonsense: Record<string, unknown> = {
    nothing: undefined,
    'an empty object': {},
    'one without headers': { status: 200 },
    'one whose status is no number': { status: 'fine', headers: new Headers() },
  }

  test.each(Object.entries(nonsense))('rejects the send: %s', async (_what, response) => {
    const fetch = async (): Promise<Response> => response as Response
    const transport = httpClient({ url: 'http://localhost/mcp', fetch })
    onTestFinished(() => transport.close())
    await transport.start()
    const sent = within(transport.send(ask), 'it settles', TIMEOUT_MS)
    await expect(sent).rejects.toMatchObject({ code: 'SEND_FAILED' })
  })
})
