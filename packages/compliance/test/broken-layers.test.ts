import { isRequest, type Layer } from '@mcpwire/core'
import type { Channel, Sink } from '@mcpwire/core/authoring'
import { describe, expect, test } from 'vitest'
import { layerCases } from '../src/layer-cases.js'
import type { LayerFact } from '../src/layer-subject.js'

/** For each fact, a layer with only the defect that breaks it. */
const brokenLayers: Record<LayerFact, Layer> = {
  sendOptions: outgoing((channel) => ({ ...channel, send: (message) => channel.send(message) })),
  outgoingMessages: outgoing((channel) => ({
    ...channel,
    send: (message, options) =>
      channel.send(isRequest(message) ? { ...message, id: String(message.id) } : message, options),
  })),
  sendErrors: outgoing((channel) => ({
    ...channel,
    send: async (message, options) => {
      await new Promise((resolve) => resolve(channel.send(message, options))).catch((cause: unknown) => {
        throw new Error('send failed', { cause })
      })
    },
  })),
  contexts: incoming((sink) => ({ ...sink, message: (message) => sink.message(message) })),
  incomingMessages: incoming((sink) => ({
    ...sink,
    message: (message, context) => sink.message({ ...message }, context),
  })),
  errors: incoming((sink) => ({ ...sink, error: () => {} })),
  ends: incoming((sink) => ({ ...sink, end: () => sink.end() })),
  connectErrors: (next) => ({
    ...next,
    connect: (sink, signal) =>
      next.connect(sink, signal).catch((cause: unknown) => {
        throw new Error('connect failed', { cause })
      }),
  }),
  abort: (next) => ({ ...next, connect: (sink) => next.connect(sink, new AbortController().signal) }),
  close: outgoing((channel) => ({ ...channel, close: () => channel.close() })),
  peer: outgoing((channel) => ({ ...channel, peer: { medium: 'layer', address: 'layer' } })),
  http: outgoing((channel) => ({ ...channel, ...(channel.http && { http: { ...channel.http } }) })),
  flow: outgoing(({ flow: _dropped, ...channel }) => channel),
  traffic: outgoing((channel) => ({
    ...channel,
    ...(channel.traffic && { traffic: { ...channel.traffic } }),
  })),
  process: (next) => ({ ...next, process: { stderr: undefined, pid: null } }),
  connectsOnce: ({ connectsOnce: _dropped, ...next }) => next,
}

describe('the layer suite', () => {
  for (const [fact, layer] of Object.entries(brokenLayers)) {
    test(`fails '${fact}' and nothing else for a layer that breaks it`, async () => {
      const broken = new Set<string>()
      for (const each of layerCases) await each.run(layer).catch(() => broken.add(each.fact))
      expect([...broken]).toEqual([fact])
    })
  }
})

function outgoing(change: (channel: Channel) => Channel): Layer {
  return (next) => ({ ...next, connect: async (sink, signal) => change(await next.connect(sink, signal)) })
}

function incoming(change: (sink: Sink) => Sink): Layer {
  return (next) => ({ ...next, connect: (sink, signal) => next.connect(change(sink), signal) })
}
