import { vi } from 'vitest'
import type { Channel, Connector, HttpTraits, Sink } from '../../src/authoring.js'
import type { JsonRpcMessage, Peer, SendOptions } from '../../src/index.js'

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

export interface Handmade {
  /** Connects immediately if left out. */
  readonly connect?: ((channel: Channel, sink: Sink, signal: AbortSignal) => Promise<Channel>) | undefined
  readonly send?: Channel['send'] | undefined
  readonly close?: Channel['close'] | undefined
  readonly http?: HttpTraits | undefined
}

/** A connector that the test controls. */
export class HandmadeConnector implements Connector {
  readonly sent: { message: JsonRpcMessage; options: SendOptions | undefined }[] = []
  readonly close: ReturnType<typeof vi.fn<(reason?: Error) => Promise<void>>>
  connects = 0
  readonly #parts: Handmade
  #given: { sink: Sink; signal: AbortSignal } | undefined

  constructor(parts: Handmade) {
    this.#parts = parts
    this.close = vi.fn<(reason?: Error) => Promise<void>>(parts.close ?? (async () => {}))
  }

  readonly connect = (sink: Sink, signal: AbortSignal): Promise<Channel> => {
    const { connect, send, http } = this.#parts
    this.#given = { sink, signal }
    this.connects++
    const channel: Channel = {
      peer,
      send: (message, options) => {
        this.sent.push({ message, options })
        return send ? send(message, options) : Promise.resolve()
      },
      close: this.close,
      ...(http && { http }),
    }
    return connect ? connect(channel, sink, signal) : Promise.resolve(channel)
  }

  /** The sink of `connect`. Throws before the call. */
  get sink(): Sink {
    return this.#gift().sink
  }

  get signal(): AbortSignal {
    return this.#gift().signal
  }

  #gift(): { sink: Sink; signal: AbortSignal } {
    if (!this.#given) throw new Error('connect() was not called')
    return this.#given
  }
}

export function handmade(parts: Handmade = {}): HandmadeConnector {
  return new HandmadeConnector(parts)
}

/** A promise of another library, which has only `then`. */
export function foreignPromise<T>(
  then: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
): Promise<T> {
  return Object.fromEntries([['then', then]]) as unknown as Promise<T>
}
