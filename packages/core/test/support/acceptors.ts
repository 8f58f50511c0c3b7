import { vi } from 'vitest'
import type { Acceptor, AcceptorSink, Binding, Incoming } from '../../src/authoring.js'
import type { Handshake, Refusal } from '../../src/index.js'
import { type Handmade, type HandmadeConnector, handmade } from './channels.js'

/** One caller that the test controls. */
export interface Caller extends Incoming {
  readonly connector: HandmadeConnector
  readonly refuse: ReturnType<typeof vi.fn<(verdict: Refusal) => void>>
}

export function caller(handshake: Partial<Handshake> = {}, parts: Handmade = {}): Caller {
  return {
    handshake: { medium: 'test', remote: {}, headers: {}, ...handshake },
    connector: handmade(parts),
    refuse: vi.fn<(verdict: Refusal) => void>(),
  }
}

/** An acceptor that the test controls. */
export interface HandmadeAcceptor extends Acceptor {
  /** Throws before `listen` was called. */
  readonly sink: AcceptorSink
  readonly signal: AbortSignal
  readonly close: ReturnType<typeof vi.fn<() => Promise<void>>>
}

export interface HandmadeListening {
  readonly bindsBeyondThisHost?: boolean
  readonly listen?: (binding: Binding, sink: AcceptorSink, signal: AbortSignal) => Promise<Binding>
  readonly close?: () => Promise<void>
}

export function acceptor(parts: HandmadeListening = {}): HandmadeAcceptor {
  const given: { sink?: AcceptorSink; signal?: AbortSignal } = {}
  const close = vi.fn<() => Promise<void>>(parts.close ?? (async () => {}))
  const binding: Binding = { address: 'test://here', close }
  return {
    bindsBeyondThisHost: parts.bindsBeyondThisHost ?? false,
    listen: (sink, signal) => {
      given.sink = sink
      given.signal = signal
      return parts.listen ? parts.listen(binding, sink, signal) : Promise.resolve(binding)
    },
    get sink() {
      if (!given.sink) throw new Error('listen() was not called')
      return given.sink
    },
    get signal() {
      if (!given.signal) throw new Error('listen() was not called')
      return given.signal
    },
    close,
  }
}
