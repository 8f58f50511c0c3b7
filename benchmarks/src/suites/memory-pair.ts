import {
  type JsonRpcMessage,
  type Layer,
  memoryPair,
  meter,
  type TransportLike,
  tap,
  withLayers,
} from '@mcpwire/core'
import { InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { InMemoryTransport as InMemoryTransportV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { type ExchangeLoad, exchangeDriver, oneWay, respond, roundTrips } from '../harness/exchange.js'
import type { Contestant, Suite } from '../harness/suite.js'

/** The cost of the life cycle, the checks and each layer, with both ends in one process. */
export const suite: Suite<ExchangeLoad> = {
  name: 'memory-pair',
  question: 'What does a message cost before it reaches a wire, and what does a layer add?',
  reference: 'floor',
  loads: [roundTrips(1), roundTrips(64), oneWay(64)],
  contestants: [
    contestant('floor', 'JSON text over a microtask, no checks', floorPair),
    contestant('sdk-v1', 'SDK 1, InMemoryTransport (passes objects, no JSON)', () =>
      InMemoryTransportV1.createLinkedPair(),
    ),
    contestant('sdk-v2', 'SDK 2, InMemoryTransport (passes objects, no JSON)', () =>
      InMemoryTransportV2.createLinkedPair(),
    ),
    ...ourContestants().map((each) => ({ ...each, isOurs: true })),
  ],
}

function contestant(
  id: string,
  label: string,
  pair: () => readonly [TransportLike, TransportLike],
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async () => {
      const [near, far] = pair()
      const [driver] = await Promise.all([exchangeDriver(near), respond(far, { defer: true })])
      return driver
    },
  }
}

/** Layers around the near end. Every message passes each of them once. */
function layered(layers: readonly Layer[]): [TransportLike, TransportLike] {
  const [near, far] = memoryPair()
  return [withLayers(near, ...layers), far]
}

/** A layer that only passes messages on, in both directions. */
const identity: Layer = (next) => ({
  ...next,
  connect: async (sink, signal) => {
    const channel = await next.connect(
      { ...sink, message: (message, context) => sink.message(message, context) },
      signal,
    )
    return { ...channel, send: (message, options) => channel.send(message, options) }
  },
})

function ourContestants(): Contestant<ExchangeLoad>[] {
  const counts = { sent: 0, received: 0 }
  const counting = { onSend: () => void counts.sent++, onReceive: () => void counts.received++ }
  return [
    contestant('ours', 'memoryPair', () => memoryPair()),
    ...[1, 2, 4].map((count) =>
      contestant(`layers-${count}`, `memoryPair, ${count} layers that do nothing`, () =>
        layered(Array.from({ length: count }, () => identity)),
      ),
    ),
    contestant('tap', 'memoryPair, tap', () => layered([tap(counting)])),
    contestant('meter', 'memoryPair, meter', () => layered([meter().layer])),
  ]
}

function floorPair(): [TransportLike, TransportLike] {
  const near = floorEnd(() => far)
  const far = floorEnd(() => near)
  return [near, far]
}

interface FloorEnd extends TransportLike {
  take(text: string): void
}

function floorEnd(other: () => FloorEnd): FloorEnd {
  let texts: string[] = []
  const deliver = (): void => {
    const batch = texts
    texts = []
    for (const text of batch) end.onmessage?.(JSON.parse(text) as JsonRpcMessage)
  }
  const end: FloorEnd = {
    start: async () => {},
    send: (message) => {
      other().take(JSON.stringify(message))
      return sent
    },
    close: async () => {},
    take: (text) => {
      if (texts.push(text) === 1) queueMicrotask(deliver)
    },
  }
  return end
}

const sent: Promise<void> = Promise.resolve()
