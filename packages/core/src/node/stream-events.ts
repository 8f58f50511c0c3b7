import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../index.js'
import type { ByteStreams } from './duplex-options.js'

/** The receiver of the events of two streams, or of one that is both. */
export interface StreamOwner {
  streamData(chunk: Uint8Array): void
  streamEnded(): void
  inputFailed(cause: Error): void
  inputClosed(): void
  /** Only for a writable of its own. */
  outputFailed(cause: Error): void
}

/** The owner of a stream, by direction. The listeners on streams are then the same functions for all. */
const READER = Symbol('reader')
const WRITER = Symbol('writer')

type Carrier<S> = S & { [READER]?: StreamOwner; [WRITER]?: StreamOwner }

/** Adds the listeners of the owner. */
export function listenTo({ readable, writable }: ByteStreams, owner: StreamOwner): void {
  const reader: Carrier<Readable> = readable
  const writer: Carrier<Writable> = writable
  reader[READER] = owner
  // The error listeners are never removed: an emitter without one takes the process down.
  reader.on('end', onend).on('close', onclose).on('error', onerror)
  if (!Object.is(readable, writable)) {
    writer[WRITER] = owner
    writer.on('error', onwriteerror)
  }
  if (readable.readableEnded) queueMicrotask(() => owner.streamEnded())
  else if (readable.destroyed) queueMicrotask(() => owner.inputClosed())
  reader.on('data', ondata)
  // A data listener alone does not start a socket accepted with `pauseOnConnect`.
  readable.resume()
}

/** Removes the listeners, except those of errors. */
export function stopListening({ readable }: ByteStreams): void {
  readable.off('data', ondata).off('end', onend).off('close', onclose)
}

/** How streams are closed. */
export interface Closing {
  readonly clock: Clock
  readonly closeTimeoutMs: number
  /** Ends the writable. */
  readonly end: () => void
}

/** Waits until the streams are closed, and destroys those that are not within `closeTimeoutMs`. */
export function closeStreams(
  streams: Set<Readable | Writable>,
  { clock, closeTimeoutMs, end }: Closing,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.deadline(closeTimeoutMs, () => {
      for (const stream of streams) stream.destroy()
    })
    for (const stream of [...streams]) {
      const closed = (): void => {
        streams.delete(stream)
        if (streams.size > 0) return
        timer[Symbol.dispose]()
        resolve()
      }
      if (stream.closed) queueMicrotask(closed)
      else stream.once('close', closed)
    }
    end()
  })
}

function ondata(this: Carrier<Readable>, chunk: Uint8Array): void {
  this[READER]?.streamData(chunk)
}

function onend(this: Carrier<Readable>): void {
  this[READER]?.streamEnded()
}

function onerror(this: Carrier<Readable>, cause: Error): void {
  this[READER]?.inputFailed(cause)
}

function onclose(this: Carrier<Readable>): void {
  this[READER]?.inputClosed()
}

function onwriteerror(this: Carrier<Writable>, cause: Error): void {
  this[WRITER]?.outputFailed(cause)
}

const DISCONNECT_CODES: readonly unknown[] = ['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ERR_STREAM_DESTROYED']

/** Whether a write failed because the peer has only disconnected. */
export function isDisconnect({ code }: Error & { readonly code?: unknown }): boolean {
  return DISCONNECT_CODES.includes(code)
}
