import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import {
  allOf,
  allowAll,
  type Gate,
  type Listener,
  type ListenerOptions,
  localOnly,
  type RefusedCaller,
} from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { tcpServer } from '@mcpwire/tcp'
import { unixServer } from '@mcpwire/unix'
import { wsServer } from '@mcpwire/ws/node'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { folder } from './support/listening.js'

vi.setConfig({ testTimeout: 20_000 })

const SECRET = 'hunter2'
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })

type Headers = Readonly<Record<string, string>>

function headOf(line: string, headers: Headers): string {
  const all = { host: 'localhost', authorization: `Bearer ${SECRET}`, ...headers }
  return `${line}\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}`
}

/** Each wire, and what its client sends first. Only two have headers. */
const wires = {
  tcp: { listen: (options: ListenerOptions) => tcpServer({ port: 0, ...options }), first: () => `${body}\n` },
  unix: {
    listen: (options: ListenerOptions) => unixServer({ path: join(folder(), 's'), ...options }),
    first: () => `${body}\n`,
  },
  http: {
    listen: (options: ListenerOptions) => httpServer({ port: 0, ...options }),
    first: (headers: Headers = {}) =>
      `${headOf('POST /mcp?key=hunter2 HTTP/1.1', headers)}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  },
  ws: {
    listen: (options: ListenerOptions) => wsServer({ port: 0, ...options }),
    first: (headers: Headers = {}) =>
      `${headOf('GET /mcp?key=hunter2 HTTP/1.1', headers)}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: mcp\r\n\r\n`,
  },
} as const
type Wire = keyof typeof wires

const unauthorized: Gate = { admit: () => ({ admit: false, status: 401, reason: 'a token is required' }) }
const slow: Gate = { admit: () => ({ admit: false, status: 429, reason: 'slow down', retryAfterMs: 1_000 }) }
const broken: Gate = {
  admit: () => {
    throw new Error(`broken by ${SECRET}`)
  },
}

const gates: readonly (readonly [
  what: string,
  options: ListenerOptions,
  expected: Partial<RefusedCaller>,
])[] = [
  ['a gate with 401', { gate: unauthorized }, { status: 401, reason: 'a token is required' }],
  ['a gate with 429', { gate: slow }, { status: 429, reason: 'slow down' }],
  ['the last of several gates', { gate: allOf(allowAll(), localOnly(), unauthorized) }, { status: 401 }],
  ['a gate that throws', { gate: broken }, { status: 503 }],
  ['an expired admission', { gate: { admit: () => ({ admit: true, expiresAt: 1 }) } }, { status: 401 }],
  [
    'a session policy',
    { gate: allowAll(), sessionPolicy: { open: () => ({ admit: false, status: 503, reason: 'full' }) } },
    { status: 503, reason: 'full' },
  ],
]
const cases = (Object.keys(wires) as Wire[]).flatMap((wire) => gates.map((gate) => [wire, ...gate] as const))

describe('onrefused', () => {
  test.each(cases)('over %s receives a caller refused by %s', async (wire, _what, options, expected) => {
    const { refused, open } = await serving(wire, options)
    await open()
    await vi.waitFor(() => expect(refused).toHaveLength(1))
    expect(refused).toMatchObject([{ ...expected, omitted: 0, address: expect.stringContaining(`${wire}:`) }])
    expect(JSON.stringify(refused)).not.toContain(SECRET)
  })

  test.each(Object.keys(wires) as Wire[])('over %s receives a caller beyond maxConnections', async (wire) => {
    let admit!: () => void
    const released = new Promise<void>((resolve) => {
      admit = resolve
    })
    const admitted = vi.fn(() => released.then(() => ({ admit: false, status: 403, reason: 'no' }) as const))
    const gate: Gate = { admit: admitted }
    const { refused, open } = await serving(wire, { gate, maxConnections: 1 })
    const first = open()
    await vi.waitFor(() => expect(admitted).toHaveBeenCalledTimes(1))
    await open()
    await vi.waitFor(() => expect(refused).toHaveLength(1))
    expect(refused).toMatchObject([{ status: 503, option: 'maxConnections' }])
    admit()
    await first
  })

  test.each(['http', 'ws'] as const)('over %s has the foreign Host, and how to admit it', async (wire) => {
    const { refused, open } = await serving(wire)
    const received = await open({ host: 'tools.example' })
    expect(received).toMatch(/ 403 [\s\S]*option \\"gate\\"/)
    expect(refused).toMatchObject([
      { status: 403, host: 'tools.example', reason: expect.stringContaining('option "gate"') },
    ])
  })

  test.each([
    'https://evil.example',
    'http://127.0.0.1.evil.example:8080',
    'http://localhost.evil.example',
    'http://evil.example:80#localhost',
    'http://10.0.0.1',
    'null',
    'file://',
  ])('over http and ws has the foreign Origin %s', async (origin) => {
    for (const wire of ['http', 'ws'] as const) {
      const { refused, open } = await serving(wire)
      expect(await open({ origin })).toMatch(/ 403 /)
      expect(refused).toMatchObject([{ status: 403, origin }])
    }
  })

  test.each([
    'http://localhost:1',
    'http://127.0.0.1:6274',
    'https://localhost',
    'http://[::1]:3000',
    'http://app.localhost:9',
  ])(
    'over http and ws is not called for the page %s, as pages of this host are admitted from any port',
    async (origin) => {
      for (const wire of ['http', 'ws'] as const) {
        const { refused, open } = await serving(wire)
        expect(await open({ origin })).toMatch(/^HTTP\/1\.1 (101|200) /)
        expect(refused).toEqual([])
      }
    },
  )

  test('reports an error that it throws, and does not stop the listener', async () => {
    const { listener, errors, open } = await serving('tcp', { gate: unauthorized })
    listener.onrefused = () => {
      throw new Error('from onrefused')
    }
    await open()
    await vi.waitFor(() =>
      expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'onrefused' } }]),
    )
    expect(await open()).toContain('a token is required')
  })

  test('is not called for callers that come while the listener closes', async () => {
    const { listener, refused, open } = await serving('http')
    const stream = open()
    await stream
    await listener.close()
    expect(refused).toEqual([])
  })
})

async function serving(wire: Wire, options: ListenerOptions = {}) {
  const { listen, first } = wires[wire]
  const listener: Listener = listen(options)
  const refused: RefusedCaller[] = []
  const errors: Error[] = []
  listener.onrefused = (caller) => refused.push(caller)
  listener.onerror = (error) => errors.push(error)
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if ('id' in message && message.id !== undefined)
        void connection.send({ jsonrpc: '2.0', id: message.id, result: {} })
    }
    void connection.start()
  }
  onTestFinished(() => listener.close())
  await listener.start()
  /** Connects a client. Resolves with the first bytes that it receives. */
  const open = async (headers: Headers = {}): Promise<string> => {
    const { url } = listener
    const target =
      wire === 'unix'
        ? { path: url.replace('unix:', '') }
        : { port: Number(new URL(url).port), host: '127.0.0.1' }
    const socket = connect(target).on('error', () => {})
    onTestFinished(() => void socket.destroy())
    socket.write(first(headers))
    const [data] = await once(socket, 'data')
    return String(data)
  }
  return { listener, refused, errors, open }
}
