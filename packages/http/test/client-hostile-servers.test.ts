import { createServer, type Server, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { until } from '@mcpwire/compliance'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import { type EngineKind, engineKinds } from './support/engine-kinds.js'
import { startedClient } from './support/scripted-server.js'

const PATIENCE_MS = 5_000
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
const result = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { fine: true } })

/** What a server does with each request: it has the socket to itself. */
type Conduct = (socket: Socket, nth: number, body: string) => void

/** A server that reads requests and answers in bytes. */
async function rawServer(
  conduct: Conduct,
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
        conduct(socket, bodies.length, body)
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

const settleWithin = (fact: () => boolean, what: string): Promise<void> => until(fact, what, PATIENCE_MS)

const clientOf = (url: string, options: Partial<HttpClientOptions> = {}) =>
  startedClient({ url, until: settleWithin }, { standaloneStream: false, httpSse: false, ...options })

/** What comes of one request: how `send()` ended, and what it was answered with. */
async function outcomeOf(url: string, options: Partial<HttpClientOptions> = {}) {
  const { transport, messages, errors } = await clientOf(url, options)
  let sent = 'sent'
  await transport.send(call).catch((error: { code?: string }) => {
    sent = `${error.code}`
  })
  if (sent === 'sent') await until(() => messages.length > 0, 'it is answered', PATIENCE_MS)
  const [answer] = messages as { result?: unknown; error?: { data?: { code?: string } } }[]
  const answered = answer && (answer.result ? 'result' : `${answer.error?.data?.code}`)
  expect(messages.length).toBeLessThanOrEqual(1)
  return { sent, answered, errors, transport }
}

const answer = (lines: readonly string[], body = ''): string => `${lines.join('\r\n')}\r\n\r\n${body}`
const okJson = (body: string, ...headers: string[]): string =>
  answer(
    ['HTTP/1.1 200 OK', 'content-type: application/json', `content-length: ${body.length}`, ...headers],
    body,
  )
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const chunked = ['HTTP/1.1 200 OK', 'content-type: application/json', 'transfer-encoding: chunked']

interface Row {
  readonly does: string
  readonly conduct: Conduct
  /** What comes of the request: how `send()` ends, then what it is answered with. */
  readonly comes: readonly [sent: string, answered?: string]
  readonly options?: Partial<HttpClientOptions>
}

const rows: Row[] = [
  {
    does: 'closes in the middle of its headers',
    conduct: (s) => s.end('HTTP/1.1 200 OK\r\ncontent-ty'),
    comes: ['SEND_FAILED'],
  },
  { does: 'closes before it says a thing', conduct: (s) => s.end(), comes: ['SEND_FAILED'] },
  {
    does: 'announces more than it sends',
    conduct: (s) =>
      s.end(answer(['HTTP/1.1 200 OK', 'content-type: application/json', 'content-length: 999'], result)),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'announces less than it sends',
    conduct: (s) =>
      s.end(answer(['HTTP/1.1 200 OK', 'content-type: application/json', 'content-length: 10'], result)),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'compresses what it was not asked to',
    conduct: (s) => {
      const body = gzipSync(result)
      s.write(
        answer([
          'HTTP/1.1 200 OK',
          'content-type: application/json',
          'content-encoding: gzip',
          `content-length: ${body.length}`,
        ]),
      )
      s.write(body)
    },
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'ends its chunks with trailers',
    conduct: (s) =>
      s.write(answer(chunked, `${chunk(result.slice(0, 9))}${chunk(result.slice(9))}0\r\nx-sum: 1\r\n\r\n`)),
    comes: ['sent', 'result'],
  },
  {
    does: 'sends a chunk whose length is none',
    conduct: (s) => s.write(answer(chunked, `zz\r\n${result}\r\n0\r\n\r\n`)),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'sends informational answers first',
    conduct: (s) =>
      s.write(
        `${answer(['HTTP/1.1 102 Processing'])}${answer(['HTTP/1.1 103 Early Hints', 'link: </x>'])}${okJson(result)}`,
      ),
    comes: ['sent', 'result'],
  },
  {
    // undici takes an answer to a question it did not ask for a broken server.
    does: 'sends 100, for which nobody waits',
    conduct: (s) => s.write(`${answer(['HTTP/1.1 100 Continue'])}${okJson(result)}`),
    comes: ['SEND_FAILED'],
  },
  {
    does: 'sends headers without end',
    conduct: (s) => {
      s.write('HTTP/1.1 200 OK\r\n')
      const more = (): void => {
        if (!s.destroyed) s.write(`x-fill: ${'x'.repeat(8_000)}\r\n`, () => setImmediate(more))
      }
      more()
    },
    comes: ['SEND_FAILED'],
  },
  {
    does: 'sends an event whose line never ends',
    conduct: (s) => {
      s.write(answer(['HTTP/1.1 200 OK', 'content-type: text/event-stream']))
      const more = (): void => {
        if (!s.destroyed) s.write('x'.repeat(8_000), () => setImmediate(more))
      }
      more()
    },
    options: { maxMessageBytes: 65_536 },
    comes: ['sent', 'MESSAGE_TOO_LARGE'],
  },
  {
    does: 'sends a comment that never ends',
    conduct: (s) => {
      s.write(answer(['HTTP/1.1 200 OK', 'content-type: text/event-stream'], ':'))
      const more = (): void => {
        if (!s.destroyed) s.write('x'.repeat(8_000), () => setImmediate(more))
      }
      more()
    },
    options: { maxMessageBytes: 65_536 },
    comes: ['sent', 'MESSAGE_TOO_LARGE'],
  },
  {
    does: 'says no content type',
    conduct: (s) => s.write(answer(['HTTP/1.1 200 OK', `content-length: ${result.length}`], result)),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'says the type with parameters, in capitals',
    conduct: (s) =>
      s.write(
        answer(
          [
            'HTTP/1.1 200 OK',
            'Content-Type: Application/JSON; charset=UTF-8',
            `Content-Length: ${result.length}`,
          ],
          result,
        ),
      ),
    comes: ['sent', 'result'],
  },
  {
    does: 'says the type of events with parameters',
    conduct: (s) =>
      s.end(
        answer(
          ['HTTP/1.1 200 OK', 'Content-Type: text/event-stream;charset=utf-8'],
          `data: ${result}\r\n\r\n`,
        ),
      ),
    comes: ['sent', 'result'],
  },
  {
    does: 'answers a request with 204',
    conduct: (s) => s.write(answer(['HTTP/1.1 204 No Content'])),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'answers a request with 202',
    conduct: (s) => s.write(answer(['HTTP/1.1 202 Accepted', 'content-length: 0'])),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'answers a request with 205',
    conduct: (s) => s.write(answer(['HTTP/1.1 205 Reset Content', 'content-length: 0'])),
    comes: ['sent', 'OUTCOME_UNKNOWN'],
  },
  {
    does: 'redirects in a circle',
    conduct: (s) =>
      s.write(answer(['HTTP/1.1 307 Temporary Redirect', 'location: /mcp', 'content-length: 0'])),
    comes: ['REFUSED'],
  },
  {
    does: 'is not the one for that host',
    conduct: (s) => s.write(answer(['HTTP/1.1 421 Misdirected Request', 'content-length: 0'])),
    comes: ['sent', 'REFUSED'],
  },
  {
    does: 'speaks HTTP/1.0, and ends its answer with the connection',
    conduct: (s) => s.end(answer(['HTTP/1.0 200 OK', 'content-type: application/json'], result)),
    comes: ['sent', 'result'],
  },
  {
    does: 'closes after each answer',
    conduct: (s) => s.end(okJson(result, 'connection: close')),
    comes: ['sent', 'result'],
  },
  {
    does: 'answers twice',
    conduct: (s) => s.write(okJson(result) + okJson(result)),
    comes: ['sent', 'result'],
  },
  {
    does: 'answers with a status that is none',
    conduct: (s) => s.end(answer(['HTTP/1.1 999 What', 'connection: close', 'content-length: 0'])),
    comes: ['SEND_FAILED'],
  },
]

describe('each request settles, and the client goes on, with a server that', () => {
  test.each(rows)('$does', async ({ conduct, comes, options }) => {
    const server = await rawServer((socket, nth, body) => {
      if (body.includes(note.method)) socket.end(answer(['HTTP/1.1 202 Accepted', 'content-length: 0']))
      else conduct(socket, nth, body)
    })
    const { sent, answered, transport } = await outcomeOf(server.url, options)
    expect([sent, ...(answered === undefined ? [] : [answered])]).toEqual(comes)
    expect(transport.state).toBe('open')
    await transport.send(note)
    await transport.close()
  })
})

describe.each(engineKinds)('over $name', (kind: EngineKind) => {
  const options = (): Partial<HttpClientOptions> => ({ ...kind.chosenBy, ...kind.plain() }) as object

  test('a connection that closes as a POST is sent on it loses that one visibly, and it is not sent again', async () => {
    // The first answer keeps the connection open; whatever comes on it then finds it closed.
    const server = await rawServer((socket, nth) => {
      if (nth === 1) socket.write(okJson(result))
      else if (nth === 2) socket.destroy()
      else socket.write(okJson(result.replace('"id":1', '"id":3')))
    })
    const { transport, messages } = await clientOf(server.url, options())
    await transport.send(call)
    await until(() => messages.length === 1, 'the first is answered', PATIENCE_MS)
    await expect(transport.send({ ...call, id: 2 })).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'unknown' },
    })
    expect(server.bodies).toHaveLength(2)
    await transport.send({ ...call, id: 3 })
    await until(() => messages.length === 2, 'the third is answered', PATIENCE_MS)
    expect(server.bodies).toHaveLength(3)
  })

  test('a request that is answered with another protocol fails, and the next one is sent', async () => {
    const server = await rawServer((socket, nth) => {
      if (nth > 1) socket.write(okJson(result.replace('"id":1', '"id":2')))
      else
        socket.write(answer(['HTTP/1.1 101 Switching Protocols', 'connection: upgrade', 'upgrade: x'], 'x'))
    })
    const { transport, messages } = await clientOf(server.url, options())
    await expect(transport.send(call)).rejects.toMatchObject({ code: 'SEND_FAILED' })
    await transport.send({ ...call, id: 2 })
    await until(() => messages.length === 1, 'the second is answered', PATIENCE_MS)
  })

  test('requests in a row to a server that closes each connection are all answered', async () => {
    const server = await rawServer((socket, nth) =>
      socket.end(okJson(result.replace('"id":1', `"id":${nth}`), 'connection: close')),
    )
    const { transport, messages, errors } = await clientOf(server.url, options())
    for (let id = 1; id <= 20; id++) {
      await transport.send({ ...call, id })
      await until(() => messages.length === id, `${id} is answered`, PATIENCE_MS)
    }
    expect(errors).toEqual([])
    expect(server.connections()).toBe(20)
  })

  test('requests in a row to a server that closes without a word after each answer are answered or lost visibly', async () => {
    const server = await rawServer((socket, _, body) => {
      const { id } = JSON.parse(body) as { id: number }
      socket.write(okJson(result.replace('"id":1', `"id":${id}`)))
      setImmediate(() => socket.destroy())
    })
    const { transport, messages } = await clientOf(server.url, options())
    const lost: unknown[] = []
    for (let id = 1; id <= 30; id++)
      await transport.send({ ...call, id }).catch((error) => lost.push(error.code))
    await until(() => messages.length + lost.length === 30, 'each one settled', PATIENCE_MS)
    const ran = server.bodies.map((body) => (JSON.parse(body) as { id: number }).id)
    expect(new Set(ran).size).toBe(ran.length)
    expect(new Set(lost)).toEqual(new Set(lost.length > 0 ? ['SEND_FAILED'] : []))
  })
})
