import { createFakeClock, turns, until, within } from '@mcpwire/compliance'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import { introducedClient, scriptedServer } from './support/scripted-server.js'

const PATIENCE_MS = 5_000
const ask = { jsonrpc: '2.0' as const, id: 7, method: 'test/ask' }

test('options of send() that are none reject it, and leave nothing that fails later', async () => {
  const unheard: unknown[] = []
  const onunheard = (error: unknown): void => void unheard.push(error)
  process.on('unhandledRejection', onunheard)
  onTestFinished(() => void process.off('unhandledRejection', onunheard))
  const server = await scriptedServer()
  const { transport } = await introducedClient(server)
  const headers = null as unknown as Record<string, string>
  await expect(within(transport.send(ask, { headers }), 'it settles', PATIENCE_MS)).rejects.toThrow(TypeError)
  await transport.close()
  await turns()
  await new Promise((resolve) => setImmediate(resolve))
  expect(unheard).toEqual([])
})

test('a server that does not answer the end of its session is no error, and takes not all of closeTimeoutMs', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(({ method }) => method === 'DELETE')
  const { transport, errors } = await introducedClient(server, { clock, closeTimeoutMs: 1_000 })
  const closed = transport.close()
  await server.until(() => server.of('DELETE').length === 1, 'the server is told')
  await clock.advance(800)
  await within(closed, 'it closes', PATIENCE_MS)
  expect(errors).toEqual([])
})

describe('a JSON answer that the platform has decompressed', () => {
  // `content-length` then is of the compressed bytes, which any one chunk can happen to be as long as.
  test.each([1, 2, 3])('is read whole where chunk %i is as long as the answer was', async (nth) => {
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
    await until(() => messages.length > 0, 'an answer', PATIENCE_MS)
    expect(messages).toEqual([JSON.parse(text)])
  })
})

describe('a fetch that yields what is no Response', () => {
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
    const sent = within(transport.send(ask), 'it settles', PATIENCE_MS)
    await expect(sent).rejects.toMatchObject({ code: 'SEND_FAILED' })
  })
})
