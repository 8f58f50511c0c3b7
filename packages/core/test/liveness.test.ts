import { PassThrough } from 'node:stream'
import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import type { JsonRpcMessage } from '../src/index.js'
import { byteStreamDefaults, duplexChannel } from '../src/node/index.js'

const INTERVAL_MS = 10_000
const peer = { medium: 'test', address: 'test://peer' }
const initialize: JsonRpcMessage = { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} }
const initialized = (protocolVersion: string): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id: 0,
  result: { protocolVersion },
})
const call: JsonRpcMessage = { jsonrpc: '2.0', id: 1, method: 'tools/call' }
const result: JsonRpcMessage = { jsonrpc: '2.0', id: 1, result: {} }
const notification: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/x' }

/** A channel over pipes in memory, in a session unless `revision` has none. */
async function connected({ revision = '2025-11-25', isClient = true, hasSession = true } = {}) {
  const clock = fakeClock()
  const [readable, writable] = [new PassThrough(), new PassThrough()]
  const received: JsonRpcMessage[] = []
  const reasons: (Error | undefined)[] = []
  const sent: { id?: string; method?: string }[] = []
  const sink = {
    message: (message: JsonRpcMessage) => void received.push(message),
    error: () => {},
    end: (reason?: Error) => void reasons.push(reason),
  }
  const options = { ...byteStreamDefaults, clock, peer, pingIntervalMs: INTERVAL_MS }
  const channel = duplexChannel({ readable, writable }, sink, options)
  writable.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) sent.push(JSON.parse(line))
  })
  const receive = async (message: object): Promise<void> => {
    readable.write(`${JSON.stringify(message)}\n`)
    await settled()
  }
  const send = async (message: JsonRpcMessage): Promise<void> => {
    await channel.send(message)
    await settled()
  }
  if (hasSession && isClient) {
    await send(initialize)
    await receive(initialized(revision))
  } else if (hasSession) {
    await receive(initialize)
    await send(initialized(revision))
    await receive({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }
  received.length = 0
  sent.length = 0
  const pings = () => sent.filter(({ method }) => method === 'ping')
  return { clock, channel, received, reasons, pings, receive, send, readable }
}

type Connected = Awaited<ReturnType<typeof connected>>

describe.each([true, false])('in a session, with this end as client: %s', (isClient) => {
  it.each([
    ['a request', call],
    ['a notification', notification],
    ['a response', result],
  ])(
    'a peer that is silent after %s gets a ping, and is lost after the interval again',
    async (_what, message) => {
      const { clock, send, pings, reasons } = await connected({ isClient })
      await send(message)
      await clock.advance(INTERVAL_MS - 1)
      expect(pings()).toEqual([])
      await clock.advance(1)
      expect(pings()).toHaveLength(1)
      await clock.advance(INTERVAL_MS - 1)
      expect(reasons).toEqual([])
      await clock.advance(1)
      expect(reasons).toMatchObject([{ code: 'PEER_LOST', details: { option: 'pingIntervalMs' } }])
      expect(clock.pending).toBe(0)
    },
  )

  it('the application sees neither the ping nor its response', async () => {
    const { clock, send, receive, pings, received, reasons } = await connected({ isClient })
    await send(call)
    for (let round = 0; round < 5; round++) {
      await clock.advance(INTERVAL_MS)
      const { id } = pings().at(-1) ?? {}
      await receive(
        round % 2
          ? { jsonrpc: '2.0', id, result: {} }
          : { jsonrpc: '2.0', id, error: { code: -32_601, message: 'no' } },
      )
    }
    expect(pings()).toHaveLength(5)
    expect(new Set(pings().map(({ id }) => id)).size).toBe(5)
    expect(received).toEqual([])
    await receive(result)
    expect(received).toEqual([result])
    expect(reasons).toEqual([])
  })
})

describe('a peer that cannot be lost here', () => {
  it.each<readonly [string, Parameters<typeof connected>[0], (end: Connected) => Promise<void>]>([
    ['in 2026-07-28', { hasSession: false }, ({ send }) => send(call)],
    ['after an initialize that chose 2026-07-28', { revision: '2026-07-28' }, ({ send }) => send(call)],
    ['before the response to initialize', { hasSession: false }, ({ send }) => send(initialize)],
    ['while nothing is in flight', {}, async () => {}],
    [
      'after its response',
      {},
      async ({ send, receive }) => {
        await send(call)
        await receive(result)
      },
    ],
    [
      'while this end does not read',
      {},
      async ({ send, channel }) => {
        channel.flow?.pause()
        await send(call)
      },
    ],
  ])('gets no ping: %s', async (_what, options, act) => {
    const end = await connected(options)
    await act(end)
    await end.clock.advance(INTERVAL_MS * 10)
    expect(end.pings()).toEqual([])
    expect(end.reasons).toEqual([])
  })
})

it.each([
  ['a message', `${JSON.stringify(notification)}\n`],
  ['a blank line', '\n'],
  ['one byte of a message', '{'],
])('%s of the peer counts as life', async (_what, text) => {
  const { clock, send, pings, readable, reasons } = await connected()
  await send(call)
  for (let n = 0; n < 10; n++) {
    await clock.advance(INTERVAL_MS - 1)
    readable.write(text)
    await settled()
  }
  expect(pings()).toEqual([])
  expect(reasons).toEqual([])
})
