import {
  type Layer,
  type MessageContext,
  type SendOptions,
  type Transport,
  TransportError,
  withLayers,
} from '@mcpwire/core'
import type { Channel, Sink } from '@mcpwire/core/authoring'
import { expect } from 'vitest'
import type { LayerFact } from './layer-subject.js'
import { createProbe, type Probe, probePeer } from './probe-connector.js'
import { type Recording, record } from './recording.js'
import { notification, request } from './sample-messages.js'
import { turns, within } from './waiting.js'

/** One test of a layer, as data. */
export interface LayerCase {
  readonly fact: LayerFact
  readonly title: string
  readonly run: (layer: Layer) => Promise<void>
}

const GRACE_MS = 20_000

/** Every test of the layer suite besides the transport suite. */
export const layerCases: readonly LayerCase[] = [
  passes('sendOptions', 'every send option, including unknown ones', async ({ transport, probe }) => {
    const options = {
      relatedRequestId: 0,
      resumptionToken: 'token',
      onresumptiontoken: () => {},
      requestSignal: new AbortController().signal,
      onRequestStreamEnd: () => {},
      headers: { 'x-test': '1' },
      'x-unknown': { deep: true },
      [Symbol.for('test')]: 1,
    }
    await transport.send(request('a'), options as SendOptions)
    const received = probe.sent.at(-1)?.options as Record<string | symbol, unknown> | undefined
    for (const key of Reflect.ownKeys(options)) {
      expect(received?.[key], `the option ${String(key)}`).toBe(
        (options as Record<string | symbol, unknown>)[key],
      )
    }
  }),

  passes('outgoingMessages', 'outgoing messages, in order and unchanged', async ({ transport, probe }) => {
    const messages = [request(0), notification(1), request(''), notification(2)]
    const texts = messages.map((message) => JSON.stringify(message))
    await Promise.all(messages.map((message) => transport.send(message)))
    expect(probe.sent.map(({ message }) => message)).toEqual(messages)
    expect(
      messages.map((message) => JSON.stringify(message)),
      'the message that arrived',
    ).toEqual(texts)
  }),

  passes('sendErrors', 'the error of a send() that failed', async ({ transport, probe }) => {
    const overloaded = new TransportError('OVERLOADED', 'full', { queuedBytes: 2, maxQueuedBytes: 1 })
    probe.sendResult = () => Promise.reject(overloaded)
    await expect(
      within(transport.send(notification(1)), 'send() settled', GRACE_MS),
      'error that send() rejects with',
    ).rejects.toBe(overloaded)
    probe.sendResult = () => {
      throw overloaded
    }
    await expect(
      within(transport.send(notification(2)), 'send() settled', GRACE_MS),
      'error that send() rejects with',
    ).rejects.toBe(overloaded)
    expect(transport.state, 'state of the transport').toBe('open')
  }),

  passes('contexts', 'every member of a context without reading accessors', async ({ recording, sink }) => {
    let reads = 0
    const context = {
      authInfo: { token: 't', clientId: 'c', scopes: [] },
      closeSSEStream: () => {},
      get request(): Request | undefined {
        reads++
        return undefined
      },
      'x-unknown': { deep: true },
    }
    sink.message(request('a'), context as MessageContext)
    await turns()
    expect(reads, 'reads of an accessor').toBe(0)
    const [received] = recording.contexts
    expect(received?.authInfo, 'authInfo of the message context').toBe(context.authInfo)
    expect(received?.closeSSEStream, 'closeSSEStream of the message context').toBe(context.closeSSEStream)
    expect(
      (received as typeof context | undefined)?.['x-unknown'],
      'unknown member of the message context',
    ).toBe(context['x-unknown'])
    expect(
      received && 'request' in received,
      'the layer passes unknown members of the message context through',
    ).toBe(true)
  }),

  passes(
    'incomingMessages',
    'incoming messages, in order and as the same objects',
    async ({ recording, sink }) => {
      const messages = [request(0), notification(1), request(''), notification(2)]
      for (const message of messages) sink.message(message)
      await turns()
      expect(recording.messages, 'the message that arrived').toEqual(messages)
      for (const [index, message] of recording.messages.entries())
        expect(message, 'the message that arrived').toBe(messages[index])
    },
  ),

  passes('errors', 'errors that do not end the connection', async ({ transport, recording, sink }) => {
    const error = new Error('still usable')
    sink.error(error)
    await turns()
    expect(recording.errors, 'errors reported to onerror').toEqual([error])
    expect(transport.state, 'state of the transport').toBe('open')
  }),

  passes('ends', 'the reason of an end', async ({ transport, sink }) => {
    const reason = new Error('lost')
    sink.end(reason)
    expect(
      await within(transport.closed, 'closed settled', GRACE_MS),
      'reason that closed settles with',
    ).toBe(reason)
  }),

  passes('ends', 'an orderly end, after the messages before it', async ({ transport, recording, sink }) => {
    sink.message(notification(1))
    sink.end()
    expect(
      await within(transport.closed, 'closed settled', GRACE_MS),
      'closed after an orderly end',
    ).toBeUndefined()
    expect(recording.messages, 'the message that arrived').toEqual([notification(1)])
    expect(recording.closes, 'calls of onclose').toBe(1)
  }),

  passes('close', 'one call of close() with its reason', async ({ transport, probe }) => {
    const reason = new Error('no longer needed')
    await within(transport.close({ reason }), 'close() returned', GRACE_MS)
    await transport.close()
    expect(probe.closes, 'reasons that close() of the channel received').toEqual([reason])
  }),

  passes('peer', 'the peer', async ({ transport }) => {
    expect(transport.peer, 'peer of the layered transport').toMatchObject(probePeer)
  }),

  passes('http', 'live HTTP traits and their setters', async ({ transport, probe }) => {
    const traits = () => ({ sessionId: transport.sessionId, isPerRequest: transport.hasPerRequestStream })
    expect(traits(), 'http traits of the layered transport').toEqual({
      sessionId: undefined,
      isPerRequest: false,
    })
    probe.sessionId = 'modern'
    expect(traits(), 'http traits of the layered transport').toEqual({
      sessionId: 'modern',
      isPerRequest: true,
    })
    transport.setProtocolVersion?.('2025-06-18')
    transport.setSupportedProtocolVersions?.(['2025-06-18', '2026-07-28'])
    expect(probe.versions, 'versions that reached the channel').toEqual([
      '2025-06-18',
      ['2025-06-18', '2026-07-28'],
    ])
  }),

  passes('flow', 'pause and resume', async ({ transport, probe }) => {
    transport.flow?.pause()
    transport.flow?.resume()
    expect(probe.flowCalls, 'calls of flow that reached the channel').toEqual(['pause', 'resume'])
  }),

  passes('traffic', 'a live count of bytes', async ({ channel, probe }) => {
    probe.bytesSent = 5
    expect(channel().traffic?.bytesSent, 'traffic.bytesSent of the layered channel').toBe(5)
    probe.bytesSent = 8
    expect(channel().traffic?.bytesSent, 'traffic.bytesSent of the layered channel after it grew').toBe(8)
  }),

  passes('process', 'the child process of the transport', async ({ transport }) => {
    expect(transport, 'members of the child process').toMatchObject({ stderr: 'probe stderr', pid: 42 })
  }),

  {
    fact: 'connectsOnce',
    title: 'passes through connectsOnce',
    run: async (layer) => {
      expect(layer(createProbe().connector).connectsOnce, 'connectsOnce of the layered connector').toBe(true)
    },
  },
  {
    fact: 'connectErrors',
    title: 'passes through the error of a failed connect()',
    run: async (layer) => {
      const probe = createProbe()
      const cause = new TransportError('CONNECT_FAILED', 'nothing listens', { address: 'probe:1' })
      probe.connectResult = () => Promise.reject(cause)
      const { transport } = layered(layer, probe)
      await expect(
        within(transport.start(), 'start() settled', GRACE_MS),
        'error that start() rejects with',
      ).rejects.toBe(cause)
    },
  },
  {
    fact: 'abort',
    title: 'passes through the abort of connect()',
    run: async (layer) => {
      const probe = createProbe()
      let abortReason: unknown
      probe.connectResult = (signal) =>
        new Promise<Channel>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            abortReason = signal.reason
            reject(signal.reason)
          })
        })
      const { transport } = layered(layer, probe)
      const abort = new AbortController()
      const starting = transport.start({ signal: abort.signal })
      const reason = new Error('aborted by the test')
      await turns()
      abort.abort(reason)
      await expect(
        within(starting, 'start() settled', GRACE_MS),
        'error that start() rejects with',
      ).rejects.toBe(reason)
      expect(abortReason, 'reason of the abort that reached connect()').toBe(reason)
    },
  },
]

interface LayerFixture {
  readonly transport: Transport
  readonly recording: Recording
  readonly probe: Probe
  readonly sink: Sink
  /** The channel of the layer. */
  readonly channel: () => Channel
}

function passes(
  fact: LayerFact,
  description: string,
  run: (fixture: LayerFixture) => Promise<void>,
): LayerCase {
  return {
    fact,
    title: `passes through ${description}`,
    run: async (layer) => {
      const probe = createProbe()
      const { transport, channel } = layered(layer, probe)
      const recording = record(transport)
      await within(transport.start(), 'start() settled', GRACE_MS)
      try {
        // Messages of the layer itself do not count.
        probe.sent.length = 0
        await run({ transport, recording, probe, sink: probe.sink(), channel })
      } finally {
        await within(transport.close(), 'close() returned', GRACE_MS)
      }
    },
  }
}

function layered(layer: Layer, probe: Probe): { transport: Transport; channel: () => Channel } {
  let outer: Channel | undefined
  const spy: Layer = (next) => ({
    ...next,
    connect: async (sink, signal) => {
      outer = await next.connect(sink, signal)
      return outer
    },
  })
  return {
    transport: withLayers(probe.connector, spy, layer),
    channel: () => {
      if (!outer) throw new Error('the layer did not connect')
      return outer
    },
  }
}
