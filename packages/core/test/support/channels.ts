import { vi } from 'vitest'
import type {
  Channel,
  Connector,
  HttpTraits,
  JsonRpcMessage,
  Peer,
  SendOptions,
  Sink,
} from '../../src/index.js'

export const peer: Peer = { medium: 'test', address: 'test://peer' }

/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** A connector whose every step is in the hands of the test. */
export interface HandmadeConnector extends Connector {
  /** What the connector was given; throws before `connect` was called. */
  readonly sink: Sink
  readonly signal: AbortSignal
  readonly sent: { message: JsonRpcMessage; options: SendOptions | undefined }[]
  readonly connects: number
  readonly close: ReturnType<typeof vi.fn<(reason?: Error) => Promise<void>>>
}

export interface Handmade {
  /** Connects at once unless it is given. */
  readonly connect?: ((channel: Channel, sink: Sink, signal: AbortSignal) => Promise<Channel>) | undefined
  readonly send?: Channel['send'] | undefined
  readonly close?: Channel['close'] | undefined
  readonly http?: HttpTraits | undefined
  readonly peer?: Peer | undefined
}

export function handmade(parts: Handmade = {}): HandmadeConnector {
  const given: { sink?: Sink; signal?: AbortSignal; connects: number } = { connects: 0 }
  const sent: HandmadeConnector['sent'] = []
  const close = vi.fn<(reason?: Error) => Promise<void>>(parts.close ?? (async () => {}))
  const channel: Channel = {
    peer: parts.peer ?? peer,
    send: (message, options) => {
      sent.push({ message, options })
      return parts.send ? parts.send(message, options) : Promise.resolve()
    },
    close,
    ...(parts.http && { http: parts.http }),
  }
  return {
    connect: (sink, signal) => {
      given.sink = sink
      given.signal = signal
      given.connects++
      return parts.connect ? parts.connect(channel, sink, signal) : Promise.resolve(channel)
    },
    get sink() {
      if (!given.sink) throw new Error('connect() was not called')
      return given.sink
    },
    get signal() {
      if (!given.signal) throw new Error('connect() was not called')
      return given.signal
    },
    get connects() {
      return given.connects
    },
    sent,
    close,
  }
}

/** A promise as another library makes it: it has `then` and nothing else. */
export function foreignPromise<T>(
  then: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
): Promise<T> {
  return Object.fromEntries([['then', then]]) as unknown as Promise<T>
}
