import { PassThrough, type Readable, type Writable } from 'node:stream'

/** Destination of a child's standard error: that of this process, `transport.stderr`, or none. */
export type StderrOption = 'inherit' | 'pipe' | 'ignore'

/** Forwards the standard error of the children of one transport. */
export interface StderrRelay {
  /** The value of `transport.stderr`: a stream with `pipe`, present before the first child. */
  readonly stream: Readable | null
  /** Starts forwarding. After `end()` it makes a new stream. */
  open(): void
  push(chunk: Buffer): void
  /** Ends the stream: no child writes any more. */
  end(): void
}

/** Limit for output that a slow reader has not read yet, in bytes. */
const MAX_BUFFERED_BYTES = 1_048_576

/**
 * Forwards what children write to standard error. A child never blocks on a slow reader: output beyond 1 MiB is
 * dropped, and a line reports its size.
 */
export function createStderrRelay(option: StderrOption, own: Writable = process.stderr): StderrRelay {
  let stream = option === 'pipe' ? new PassThrough() : null
  let forwarder: Forwarder | undefined
  return {
    get stream() {
      return stream
    },
    open: () => {
      if (option === 'ignore') return
      if (stream?.writableEnded || stream?.destroyed) stream = new PassThrough()
      forwarder = createForwarder(stream ?? own)
    },
    push: (chunk) => forwarder?.push(chunk),
    end: () => {
      forwarder?.stop()
      forwarder = undefined
      stream?.end()
    },
  }
}

interface Forwarder {
  push(chunk: Buffer): void
  stop(): void
}

/** Writes to a stream up to the limit. Reports the dropped bytes when the stream drains. */
function createForwarder(stream: Writable): Forwarder {
  let droppedBytes = 0
  const reportDropped = (): void => {
    if (droppedBytes === 0) return
    cancelOnDrain(stream, reportDropped)
    stream.write(`\n[${droppedBytes} bytes of standard error were dropped: they were not read in time]\n`)
    droppedBytes = 0
  }
  stream.off('error', ignore).on('error', ignore)
  return {
    push: (chunk) => {
      if (stream.destroyed) return
      if (stream.writableLength + chunk.length <= MAX_BUFFERED_BYTES) {
        stream.write(chunk)
        return
      }
      if (droppedBytes === 0) onDrain(stream, reportDropped)
      droppedBytes += chunk.length
    },
    stop: () => {
      if (!stream.destroyed) reportDropped()
      // The error listener stays: the last write may still fail.
      cancelOnDrain(stream, reportDropped)
    },
  }
}

/** Callbacks by full stream. The children of many transports share the standard error of this process. */
const drainCallbacks = new WeakMap<Writable, Set<() => void>>()

/** Calls back when the stream drains. Adds one listener for all callbacks of the stream. */
function onDrain(stream: Writable, callback: () => void): void {
  const callbacks = drainCallbacks.get(stream)
  if (callbacks) callbacks.add(callback)
  else {
    drainCallbacks.set(stream, new Set([callback]))
    stream.on('drain', callAll)
  }
}

function cancelOnDrain(stream: Writable, callback: () => void): void {
  const callbacks = drainCallbacks.get(stream)
  if (!callbacks?.delete(callback) || callbacks.size > 0) return
  drainCallbacks.delete(stream)
  stream.off('drain', callAll)
}

function callAll(this: Writable): void {
  for (const callback of [...(drainCallbacks.get(this) ?? [])]) callback()
}

function ignore(): void {}

/** The last bytes of a stream. */
export interface StderrTail {
  push(chunk: Uint8Array): void
  /** The bytes as text, without a partial character at the start. */
  text(): string
}

const TAIL_BYTES = 4096

/** Keeps the last 4 KiB of a stream. */
export function createStderrTail(): StderrTail {
  let kept = new Uint8Array(0)
  return {
    push(chunk) {
      if (chunk.length >= TAIL_BYTES) {
        kept = chunk.slice(-TAIL_BYTES)
        return
      }
      const before = kept.subarray(Math.max(0, kept.length + chunk.length - TAIL_BYTES))
      const joined = new Uint8Array(before.length + chunk.length)
      joined.set(before)
      joined.set(chunk, before.length)
      kept = joined
    },
    text: () => new TextDecoder().decode(kept).replace(/^\uFFFD+/, ''),
  }
}
