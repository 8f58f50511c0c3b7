import { systemClock, TransportError } from '@mcpwire/core'
import { type Connector, createTransport, type OptionSettings } from '@mcpwire/core/authoring'
import { type ByteStreamOptions, byteStreamOptions, duplexChannel } from '@mcpwire/core/node'
import { type LoopbackEnd, loopbackStreams } from './loopback-streams.js'
import type {
  LoneTransport,
  PairOptions,
  Side,
  TransportPair,
  TransportSubject,
} from './transport-subject.js'

/**
 * The reference medium: two transports over byte streams within this process, with every hook of the transport suite.
 * The layer suite runs on it by default.
 */
export const loopback: TransportSubject = {
  capabilities: { backpressure: true },
  pair: (options) => loopbackPair(options),
  create: (overlay) => createTransport(nowhere, byteStreamOptions.select(overlay)),
  unreachable: lone((_sink, _signal) => Promise.reject(failed('nothing listens'))),
  hangsUpDuringStart: lone(async (sink) => {
    sink.end()
    return idleChannel
  }),
  neverConnects: (options) => lone(unanswered(options))(options),
}

const CONNECT_TIMEOUT_MS = 10_000

/** Waits for a peer that never responds. */
function unanswered({ clock = systemClock }: PairOptions): Connector['connect'] {
  return async (_sink, signal) => {
    await clock.sleep(CONNECT_TIMEOUT_MS, signal)
    throw failed('the peer did not respond in time')
  }
}

/** Creates one pair of the reference medium. */
function loopbackPair(options: PairOptions = {}): TransportPair {
  const [a, b] = loopbackStreams()
  const ends: Record<Side, LoopbackEnd> = { near: a, far: b }
  const settings = byteStreamOptions.select(options)
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
  return {
    near: createTransport(connectorOver(a, 'loopback:far', settings), settings),
    far: createTransport(connectorOver(b, 'loopback:near', settings), settings),
    sendRaw: (to, text) => ends[to].inject(bytesOf(`${text}\n`)),
    sendRawBytes: (to, bytes) => {
      ends[to].inject(bytes)
      ends[to].inject(bytesOf('\n'))
    },
    sendUnfinished: (to, start) => ends[to].inject(bytesOf(start)),
    cut: () => {
      const cause = new Error('the loopback was cut')
      a.stream.destroy(cause)
      b.stream.destroy(cause)
    },
    stall: (side) => ends[side].stall(),
  }
}

type Settings = OptionSettings<ByteStreamOptions>

function connectorOver(end: LoopbackEnd, address: string, settings: Settings): Connector {
  return {
    connectsOnce: true,
    connect: async (sink, signal) => {
      signal.throwIfAborted()
      return duplexChannel(end.stream, sink, { ...settings, peer: { medium: 'loopback', address } })
    },
  }
}

const nowhere: Connector = { connect: () => Promise.reject(failed('the loopback has no address')) }

const idleChannel = {
  peer: { medium: 'loopback', address: 'loopback:gone' },
  send: () => Promise.reject(failed('nothing listens')),
  close: () => Promise.resolve(),
}

function failed(reason: string): TransportError {
  return new TransportError('CONNECT_FAILED', `cannot connect: ${reason}`, { address: 'loopback:gone' })
}

function lone(connect: Connector['connect']): (options: PairOptions) => LoneTransport {
  return (options) => ({ transport: createTransport({ connect }, options) })
}
