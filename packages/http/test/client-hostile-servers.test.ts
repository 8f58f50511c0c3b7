import { createServer, type Server, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { until } from '@mcpwire/compliance'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import { type EngineKind, engineKinds } from './support/engine-kinds.js'
import { startedClient } from './support/scripted-server.js'

const TIMEOUT_MS = 30_000
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
const result = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { fine: true } })

/** Responds to one request on the bare socket. */
type Behaviour = (socket: Socket, nth: number, body: string) => void

/** A server that reads requests and writes raw bytes. */
async function rawServer(
  behaviour: Behaviour,
): Promise<{ url: string; bodies: string[]; connections(): number }> {
  const bodies: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server: Server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (;;) {
        const end = text.indexOf('\r\n\r\n')
        if (end === -1) return
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0)
        if (text.length < end + 4 + length) return
        const body = text.slice(end + 4, end + 4 + length)
        text = text.slice(end + 4 + length)
        bodies.push(body)
        behaviour(socket, bodies.length, body)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}/mcp`, bodies, connections: () => connections }
}

const settleWithin = (fact: () => boolean, what: string): Promise<void> => until(fact, what, TIMEOUT_MS)

const clientOf = (url: string, options: Partial<HttpClientOptions> = {}) =>
  startedClient({ url, until: settleWithin }, { standaloneStream: false, httpSse: false, ...options })

/** The outcome of one request: how `send()` ended, and the kind of its response. */
async function outcomeOf(url: string, options: Partial<HttpClientOptions> = {}) {
  const { transport, messages, errors } = await clientOf(url, options)
  let sent = 'sent'
  await transport.send(call).catch((error: { code?: string }) => {
    sent = `${error.code}`
  })
  if (sent === 'sent') await until(() => messages.length > 0, 'it has a response', TIMEOUT_MS)
  const [answer] = messages as { result?: unknown; error?: { data?: { code?: string } } }[]
  const response = answer && (answer.result ? 'result' : `${answer.error?.data?.code}`)
  expect(messages.length).toBeLessThanOrEqual(1)
  return { sent, response, errors, transport }
}

const rawResponse = (lines: readonly string[], body = ''): string => `${lines.join('\r\n')}\r\n\r\n${body}`
const okJson = (body: string, ...headers: string[]): string =>
  rawResponse(
    ['HTTP/1.1 200 OK', 'content-type: application/json', `content-length: ${body.length}`, ...headers],
    body,
  )
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const chunked = ['HTTP/1.1 200 OK', 'content-type: application/json', 'transfer-encoding: chunked']

interface Row {
  readonly does: string
  readonly behaviour: Behaviour
  /** How `send()` ends, then the kind of its response. */
  readonly outcome: readonly [sent: string, response?: string]
  readonly options?: Partial<HttpClientOptions>
}

const rows: Row[] = [
  {
    does: 'closes in the middle of its headers',
    behaviour: (s) => s.end('HTTP/1.1 200 OK\r\ncontent-ty'),
    outcome: ['SEND_FAILED'],
  },
  { does: 'closes before its first byte', behaviour: (s) => s.end(), outcome: ['SEND_FAILED'] },
  {
    does: 'announces more than it sends',
    behaviour: (s) =>
      s.end(
        rawResponse(['HTTP/1.1 200 OK', 'content-type: application/json', 'content-length: 999'], result),
      ),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'announces less than it sends',
    behaviour: (s) =>
      s.end(rawResponse(['HTTP/1.1 200 OK', 'content-type: application/json', 'content-length: 10'], result)),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'compresses its response without being request',
    behaviour: (s) => {
      const body = gzipSync(result)
      s.write(
        rawResponse([
          'HTTP/1.1 200 OK',
          'content-type: application/json',
          'content-encoding: gzip',
          `content-length: ${body.length}`,
        ]),
      )
      s.write(body)
    },
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'ends its chunks with trailers',
    behaviour: (s) =>
      s.write(
        rawResponse(chunked, `${chunk(result.slice(0, 9))}${chunk(result.slice(9))}0\r\nx-sum: 1\r\n\r\n`),
      ),
    outcome: ['sent', 'result'],
  },
  {
    does: 'sends a chunk with an invalid length',
    behaviour: (s) => s.write(rawResponse(chunked, `zz\r\n${result}\r\n0\r\n\r\n`)),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'sends informational responses first',
    behaviour: (s) =>
      s.write(
        `${rawResponse(['HTTP/1.1 102 Processing'])}${rawResponse(['HTTP/1.1 103 Early Hints', 'link: </x>'])}${okJson(result)}`,
      ),
    outcome: ['sent', 'result'],
  },
  {
    // undici treats an unexpected 100 as a protocol error.
    does: 'sends 100 without Expect',
    behaviour: (s) => s.write(`${rawResponse(['HTTP/1.1 100 Continue'])}${okJson(result)}`),
    outcome: ['SEND_FAILED'],
  },
  {
    does: 'sends endless headers',
    behaviour: (s) => {
      s.write('HTTP/1.1 200 OK\r\n')
      const more = (): void => {
        if (!s.destroyed) s.write(`x-fill: ${'x'.repeat(8_000)}\r\n`, () => setImmediate(more))
      }
      more()
    },
    outcome: ['SEND_FAILED'],
  },
  {
    does: 'sends an event with an endless line',
    behaviour: (s) => {
      s.write(rawResponse(['HTTP/1.1 200 OK', 'content-type: text/event-stream']))
      const more = (): void => {
        if (!s.destroyed) s.write('x'.repeat(8_000), () => setImmediate(more))
      }
      more()
    },
    options: { maxMessageBytes: 65_536 },
    outcome: ['sent', 'MESSAGE_TOO_LARGE'],
  },
  {
    does: 'sends an endless comment',
    behaviour: (s) => {
      s.write(rawResponse(['HTTP/1.1 200 OK', 'content-type: text/event-stream'], ':'))
      const more = (): void => {
        if (!s.destroyed) s.write('x'.repeat(8_000), () => setImmediate(more))
      }
      more()
    },
    options: { maxMessageBytes: 65_536 },
    outcome: ['sent', 'MESSAGE_TOO_LARGE'],
  },
  {
    does: 'sends no content type',
    behaviour: (s) => s.write(rawResponse(['HTTP/1.1 200 OK', `content-length: ${result.length}`], result)),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'sends a content type with parameters, in capitals',
    behaviour: (s) =>
      s.write(
        rawResponse(
          [
            'HTTP/1.1 200 OK',
            'Content-Type: Application/JSON; charset=UTF-8',
            `Content-Length: ${result.length}`,
          ],
          result,
        ),
      ),
    outcome: ['sent', 'result'],
  },
  {
    does: 'sends the type of event streams with parameters',
    behaviour: (s) =>
      s.end(
        rawResponse(
          ['HTTP/1.1 200 OK', 'Content-Type: text/event-stream;charset=utf-8'],
          `data: ${result}\r\n\r\n`,
        ),
      ),
    outcome: ['sent', 'result'],
  },
  {
    does: 'responds to a request with 204',
    behaviour: (s) => s.write(rawResponse(['HTTP/1.1 204 No Content'])),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'responds to a request with 202',
    behaviour: (s) => s.write(rawResponse(['HTTP/1.1 202 Accepted', 'content-length: 0'])),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'responds to a request with 205',
    behaviour: (s) => s.write(rawResponse(['HTTP/1.1 205 Reset Content', 'content-length: 0'])),
    outcome: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'redirects in a loop',
    behaviour: (s) =>
      s.write(rawResponse(['HTTP/1.1 307 Temporary Redirect', 'location: /mcp', 'content-length: 0'])),
    outcome: ['REFUSED'],
  },
  {
    does: 'refuses the host',
    behaviour: (s) => s.write(rawResponse(['HTTP/1.1 421 Misdirected Request', 'content-length: 0'])),
    outcome: ['sent', 'REFUSED'],
  },
  {
    does: 'speaks HTTP/1.0, and ends its response with the connection',
    behaviour: (s) => s.end(rawResponse(['HTTP/1.0 200 OK', 'content-type: application/json'], result)),
    outcome: ['sent', 'result'],
  },
  {
    does: 'closes after each response',
    behaviour: (s) => s.end(okJson(result, 'connection: close')),
    outcome: ['sent', 'result'],
  },
  {
    does: 'responds twice',
    behaviour: (s) => s.write(okJson(result) + okJson(result)),
    outcome: ['sent', 'result'],
  },
  {
    does: 'responds with an invalid status',
    behaviour: (s) => s.end(rawResponse(['HTTP/1.1 999 What', 'connection: close', 'content-length: 0'])),
    outcome: ['SEND_FAILED'],
  },
]

describe('a request', () => {
  test.each(rows)(
    'settles and leaves the client open if the server $does',
    async ({ behaviour, outcome, options }) => {
      const server = await rawServer((socket, nth, body) => {
        if (body.includes(note.method))
          socket.end(rawResponse(['HTTP/1.1 202 Accepted', 'content-length: 0']))
        else behaviour(socket, nth, body)
      })
      const { sent, response, transport } = await outcomeOf(server.url, options)
      expect({ sent, response }).toEqual({ sent: outcome[0], response: outcome[1] })
      expect(transport.state).toBe('open')
      await transport.send(note)
      await transport.close()
    },
  )
})

describe.each(engineKinds)('over $name', (kind: EngineKind) => {
  const options = (): Partial<HttpClientOptions> => ({ ...kind.chosenBy, ...kind.plain() }) as object

  test('fails a POST whose connection closes while it is sent, and does not repeat it', async () => {
    // The first response keeps the connection open; the second request finds it closed.
    const server = await rawServer((socket, nth) => {
      if (nth === 1) socket.write(okJson(result))
      else if (nth === 2) socket.destroy()
      else socket.write(okJson(result.replace('"id":1', '"id":3')))
    })
    const { transport, messages } = await clientOf(server.url, options())
    await transport.send(call)
    await until(() => messages.length === 1, 'the first has a response', TIMEOUT_MS)
    await expect(transport.send({ ...call, id: 2 })).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'unknown' },
    })
    expect(server.bodies).toHaveLength(2)
    await transport.send({ ...call, id: 3 })
    await until(() => messages.length === 2, 'the third has a response', TIMEOUT_MS)
    expect(server.bodies).toHaveLength(3)
  })

  test('fails a request after status 101, and sends the next one', async () => {
    const server = await rawServer((socket, nth) => {
      if (nth > 1) socket.write(okJson(result.replace('"id":1', '"id":2')))
      else
        socket.write(
          rawResponse(['HTTP/1.1 101 Switching Protocols', 'connection: upgrade', 'upgrade: x'], 'x'),
        )
    })
    const { transport, messages } = await clientOf(server.url, options())
    await expect(transport.send(call)).rejects.toMatchObject({ code: 'SEND_FAILED' })
    await transport.send({ ...call, id: 2 })
    await until(() => messages.length === 1, 'the second has a response', TIMEOUT_MS)
  })

  test('gets all responses from a server that closes each connection', async () => {
    const server = await rawServer((socket, nth) =>
      socket.end(okJson(result.replace('"id":1', `"id":${nth}`), 'connection: close')),
    )
    const { transport, messages, errors } = await clientOf(server.url, options())
    for (let id = 1; id <= 20; id++) {
      await transport.send({ ...call, id })
      await until(() => messages.length === id, `${id} has a response`, TIMEOUT_MS)
    }
    expect(errors).toEqual([])
    expect(server.connections()).toBe(20)
  })

  test('settles all requests to a server that closes after each response without notice', async () => {
    const server = await rawServer((socket, _, body) => {
      const { id } = JSON.parse(body) as { id: number }
      socket.write(okJson(result.replace('"id":1', `"id":${id}`)))
      setImmediate(() => socket.destroy())
    })
    const { transport, messages } = await clientOf(server.url, options())
    const lost: unknown[] = []
    for (let id = 1; id <= 30; id++)
      await transport.send({ ...call, id }).catch((error) => lost.push(error.code))
    await until(() => messages.length + lost.length === 30, 'each one settled', TIMEOUT_MS)
    const ran = server.bodies.map((body) => (JSON.parse(body) as { id: number }).id)
    expect(new Set(ran).size).toBe(ran.length)
    expect(new Set(lost)).toEqual(new Set(lost.length > 0 ? ['SEND_FAILED'] : []))
  })
})
