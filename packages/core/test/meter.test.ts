import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { cancelled } from '@mcpwire/test-support/messages'
import { describe, expect, it } from 'vitest'
import { type Channel, type Connector, createTransport, type Sink, type Traffic } from '../src/authoring.js'
import { type JsonRpcMessage, memoryPair, meter, type Transport, withLayers } from '../src/index.js'
import { numbered, request } from './support/messages.js'

const response = (id: string | number): JsonRpcMessage => ({ jsonrpc: '2.0', id, result: {} })

function scripted(traffic?: Traffic): { connector: Connector; sink: () => Sink } {
  let sink!: Sink
  const channel: Channel = {
    peer: { medium: 'test', address: 'test:' },
    send: () => Promise.resolve(),
    close: () => Promise.resolve(),
    ...(traffic && { traffic }),
  }
  const connect: Connector['connect'] = async (given) => {
    sink = given
    return channel
  }
  return { connector: { connect }, sink: () => sink }
}

async function connected(layered: ReturnType<typeof meter>): Promise<{ transport: Transport; sink: Sink }> {
  const { connector, sink } = scripted()
  const transport = createTransport(layered.layer(connector))
  await transport.start()
  return { transport, sink: sink() }
}

describe('meter', () => {
  it('counts messages and bytes in each direction, also of closed channels', async () => {
    const counted = meter()
    for (let i = 0; i < 2; i++) {
      const [near, far] = memoryPair()
      const metered = withLayers(near, counted.layer)
      await Promise.all([metered.start(), far.start()])
      await metered.send(numbered(1))
      await far.send(numbered(22))
      await settled()
      await metered.close()
    }
    const { sent, received, connections, errors } = counted.snapshot()
    expect(sent.messages).toBe(2)
    expect(received.messages).toBe(2)
    expect(sent.bytes).toBe(2 * JSON.stringify(numbered(1)).length)
    expect(received.bytes).toBe(2 * JSON.stringify(numbered(22)).length)
    expect(connections).toEqual({ opened: 2, open: 0, failed: 0 })
    expect(errors).toBe(0)
  })

  it('computes the compression ratio of compressing channels', async () => {
    const counted = meter()
    expect(counted.snapshot().sent.compressionRatio).toBeUndefined()
    const packed = {
      bytesSent: 100,
      bytesReceived: 10,
      uncompressedBytesSent: 400,
      uncompressedBytesReceived: 20,
    }
    const plain = { bytesSent: 1_000, bytesReceived: 1_000 }
    for (const traffic of [packed, plain]) {
      await createTransport(counted.layer(scripted(traffic).connector)).start()
    }
    const { sent, received } = counted.snapshot()
    expect(sent).toMatchObject({ bytes: 1_100, compressionRatio: 4 })
    expect(received).toMatchObject({ bytes: 1_010, compressionRatio: 2 })
  })

  it('measures the latency of requests in each direction', async () => {
    const clock = fakeClock()
    const counted = meter({ clock })
    const { transport, sink } = await connected(counted)
    await transport.send(request(1))
    await transport.send(request('1'))
    sink.message(request(1))
    await clock.advance(100)
    sink.message(response(1))
    await clock.advance(100)
    sink.message(response('1'))
    await clock.advance(100)
    await transport.send(response(1))
    const { sent, received } = counted.snapshot()
    expect(sent.latency).toMatchObject({ count: 2, max: 200 })
    expect(sent.latency.p50).toBeCloseTo(100, -1)
    expect(received.latency).toMatchObject({ count: 1, max: 300 })
  })

  it('does not measure cancelled requests, pending ones and subscriptions', async () => {
    const counted = meter({ clock: fakeClock() })
    const { transport, sink } = await connected(counted)
    await transport.send(request(1))
    await transport.send(cancelled(1))
    await transport.send(request(2, 'subscriptions/listen'))
    for (const id of [1, 2, 3]) sink.message(response(id))
    sink.message({ jsonrpc: '2.0', error: { code: -32_700, message: 'unreadable' } })
    expect(counted.snapshot().sent.latency.count).toBe(0)
  })

  it('drops the oldest request when too many have no response', async () => {
    const counted = meter({ clock: fakeClock() })
    const { transport, sink } = await connected(counted)
    for (let id = 0; id <= 4_096; id++) await transport.send(request(id))
    for (let id = 0; id <= 4_096; id++) sink.message(response(id))
    expect(counted.snapshot().sent.latency.count).toBe(4_096)
  })

  it('counts errors, failed attempts and open connections', async () => {
    const counted = meter()
    const { transport, sink } = await connected(counted)
    await connected(counted)
    sink.error(new Error('noise'))
    sink.end(new Error('broken'))
    await transport.closed
    const failing = createTransport(counted.layer({ connect: () => Promise.reject(new Error('refused')) }))
    await expect(failing.start()).rejects.toThrow('refused')
    expect(counted.snapshot()).toMatchObject({
      errors: 3,
      connections: { opened: 2, open: 1, failed: 1 },
    })
  })

  it('counts an end before the opening as a failed attempt', async () => {
    const counted = meter()
    const { connector } = scripted()
    const transport = createTransport(
      counted.layer({
        connect: async (sink, signal) => {
          const channel = await connector.connect(sink, signal)
          sink.end()
          return channel
        },
      }),
    )
    await expect(transport.start()).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    expect(counted.snapshot().connections).toEqual({ opened: 0, open: 0, failed: 1 })
  })
})
