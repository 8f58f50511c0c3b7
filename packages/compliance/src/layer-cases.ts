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
import { note, request } from './sample-messages.js'
import { turns, within } from './waiting.js'

/** One test of what a layer passes through, as data. */
export interface LayerCase {
  readonly fact: LayerFact
  readonly title: string
  readonly run: (layer: Layer) => Promise<void>
}

const PATIENCE_MS = 5_000

/** Every test of what a layer passes through. */
export const layerCases: readonly LayerCase[] = [
  passes('sendOptions', 'every send option, those nobody knows included', async ({ transport, probe }) => {
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
    const arrived = probe.sent.at(-1)?.options as Record<string | symbol, unknown> | undefined
    for (const key of Reflect.ownKeys(options)) {
      expect(arrived?.[key], `the option ${String(key)}`).toBe(
        (options as Record<string | symbol, unknown>)[key],
      )
    }
  }),

  passes('outgoingMessages', 'outgoing messages, in order and unchanged', async ({ transport, probe }) => {
    const messages = [request(0), note(1), request(''), note(2)]
    const texts = messages.map((message) => JSON.stringify(message))
    await Promise.all(messages.map((message) => transport.send(message)))
    expect(probe.sent.map(({ message }) => message)).toEqual(messages)
    expect(messages.map((message) => JSON.stringify(message))).toEqual(texts)
  }),

  passes('sendErrors', 'the error of a send() that failed', async ({ transport, probe }) => {
    const refused = new TransportError('OVERLOADED', 'full', { queuedBytes: 2, maxQueuedBytes: 1 })
    probe.answer = () => Promise.reject(refused)
    await expect(within(transport.send(note(1)), 'send() settled', PATIENCE_MS)).rejects.toBe(refused)
    probe.answer = () => {
      throw refused
    }
    await expect(within(transport.send(note(2)), 'send() settled', PATIENCE_MS)).rejects.toBe(refused)
    expect(transport.state).toBe('open')
  }),

  passes('contexts', 'every member of a context, unread', async ({ recording, sink }) => {
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
    const [arrived] = recording.contexts
    expect(arrived?.authInfo).toBe(context.authInfo)
    expect(arrived?.closeSSEStream).toBe(context.closeSSEStream)
    expect((arrived as typeof context | undefined)?.['x-unknown']).toBe(context['x-unknown'])
    expect(arrived && 'request' in arrived).toBe(true)
  }),

  passes(
    'incomingMessages',
    'incoming messages, in order and as the same objects',
    async ({ recording, sink }) => {
      const messages = [request(0), note(1), request(''), note(2)]
      for (const message of messages) sink.message(message)
      await turns()
      expect(recording.messages).toEqual(messages)
      for (const [index, message] of recording.messages.entries()) expect(message).toBe(messages[index])
    },
  ),

  passes(
    'errors',
    'what is wrong but does not end the conversation',
    async ({ transport, recording, sink }) => {
      const error = new Error('still usable')
      sink.error(error)
      await turns()
      expect(recording.errors).toEqual([error])
      expect(transport.state).toBe('open')
    },
  ),

  passes('ends', 'an end with its reason', async ({ transport, sink }) => {
    const reason = new Error('lost')
    sink.end(reason)
    expect(await within(transport.closed, 'closed settled', PATIENCE_MS)).toBe(reason)
  }),

  passes('ends', 'an orderly end, after the messages before it', async ({ transport, recording, sink }) => {
    sink.message(note(1))
    sink.end()
    expect(await within(transport.closed, 'closed settled', PATIENCE_MS)).toBeUndefined()
    expect(recording.messages).toEqual([note(1)])
    expect(recording.closes).toBe(1)
  }),

  passes('close', 'close() with its reason, once', async ({ transport, probe }) => {
    const reason = new Error('enough')
    await within(transport.close({ reason }), 'close() returned', PATIENCE_MS)
    await transport.close()
    expect(probe.closes).toEqual([reason])
  }),

  passes('peer', 'the peer', async ({ transport }) => {
    expect(transport.peer).toMatchObject(probePeer)
  }),

  passes('http', 'live HTTP traits, and what is set by them', async ({ transport, probe }) => {
    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual([undefined, false])
    probe.sessionId = 'modern'
    expect([transport.sessionId, transport.hasPerRequestStream]).toEqual(['modern', true])
    transport.setProtocolVersion?.('2025-06-18')
    transport.setSupportedProtocolVersions?.(['2025-06-18', '2026-07-28'])
    expect(probe.versions).toEqual(['2025-06-18', ['2025-06-18', '2026-07-28']])
  }),

  passes('flow', 'pause and resume', async ({ transport, probe }) => {
    transport.flow?.pause()
    transport.flow?.resume()
    expect(probe.flowCalls).toEqual(['pause', 'resume'])
  }),

  passes('traffic', 'a live count of bytes', async ({ channel, probe }) => {
    probe.bytesSent = 5
    expect(channel().traffic?.bytesSent).toBe(5)
    probe.bytesSent = 8
    expect(channel().traffic?.bytesSent).toBe(8)
  }),

  passes('process', 'the child process behind it', async ({ transport }) => {
    expect(transport).toMatchObject({ stderr: 'probe stderr', pid: 42 })
  }),

  {
    fact: 'connectsOnce',
    title: 'passes through that it connects only once',
    run: async (layer) => {
      expect(layer(createProbe().connector).connectsOnce).toBe(true)
    },
  },
  {
    fact: 'connectErrors',
    title: 'passes through why connecting failed',
    run: async (layer) => {
      const probe = createProbe()
      const cause = new TransportError('CONNECT_FAILED', 'nobody is there', { address: 'probe:1' })
      probe.refuse = () => Promise.reject(cause)
      const { transport } = layered(layer, probe)
      await expect(within(transport.start(), 'start() settled', PATIENCE_MS)).rejects.toBe(cause)
    },
  },
  {
    fact: 'abort',
    title: 'passes through that connecting was aborted',
    run: async (layer) => {
      const probe = createProbe()
      let heard: unknown
      probe.refuse = (signal) =>
        new Promise<Channel>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            heard = signal.reason
            reject(signal.reason)
          })
        })
      const { transport } = layered(layer, probe)
      const abort = new AbortController()
      const starting = transport.start({ signal: abort.signal })
      const reason = new Error('changed my mind')
      await turns()
      abort.abort(reason)
      await expect(within(starting, 'start() settled', PATIENCE_MS)).rejects.toBe(reason)
      expect(heard).toBe(reason)
    },
  },
]

interface Scene {
  readonly transport: Transport
  readonly recording: Recording
  readonly probe: Probe
  readonly sink: Sink
  /** What the layer makes of the probe's channel. */
  readonly channel: () => Channel
}

function passes(fact: LayerFact, what: string, run: (scene: Scene) => Promise<void>): LayerCase {
  return {
    fact,
    title: `passes through ${what}`,
    run: async (layer) => {
      const probe = createProbe()
      const { transport, channel } = layered(layer, probe)
      const recording = record(transport)
      await within(transport.start(), 'start() settled', PATIENCE_MS)
      try {
        // What the layer says on its own account is its own business.
        probe.sent.length = 0
        await run({ transport, recording, probe, sink: probe.sink(), channel })
      } finally {
        await within(transport.close(), 'close() returned', PATIENCE_MS)
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
