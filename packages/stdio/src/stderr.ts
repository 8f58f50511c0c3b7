import { PassThrough, type Readable, type Writable } from 'node:stream'

/** Where the standard error of a child goes: to this process's, to `transport.stderr`, or nowhere else. */
export type StderrOption = 'inherit' | 'pipe' | 'ignore'

/** Where the standard error of the children of one transport goes. */
export interface StderrRelay {
  /** What `transport.stderr` yields: a stream where `pipe` was asked for, there before any child is. */
  readonly stream: Readable | null
  /** Says that children come. After an end there is a new stream. */
  open(): void
  push(chunk: Buffer): void
  /** Says that no child writes any more. */
  end(): void
}

/** What may wait for a slow reader of standard error, in bytes. */
const MAX_HELD_BYTES = 1_048_576

/**
 * Passes on what children write to standard error, whoever reads it: a child never waits for its messages to be
 * read. What is not taken in time is left out, and a line in its place says how much that was.
 */
export function createStderrRelay(option: StderrOption, own: Writable = process.stderr): StderrRelay {
  let stream = option === 'pipe' ? new PassThrough() : null
  let forward: Forward | undefined
  return {
    get stream() {
      return stream
    },
    open: () => {
      if (option === 'ignore') return
      if (stream?.writableEnded || stream?.destroyed) stream = new PassThrough()
      forward = leavingOut(stream ?? own)
    },
    push: (chunk) => forward?.push(chunk),
    end: () => {
      forward?.stop()
      forward = undefined
      stream?.end()
    },
  }
}

interface Forward {
  push(chunk: Buffer): void
  stop(): void
}

/** Writes to a stream as long as somebody takes it; tells what was left out when they do again. */
function leavingOut(stream: Writable): Forward {
  let leftOutBytes = 0
  const tell = (): void => {
    if (leftOutBytes === 0) return
    unlessDrained(stream, tell)
    stream.write(`\n[${leftOutBytes} bytes of standard error were not read in time]\n`)
    leftOutBytes = 0
  }
  stream.off('error', ignore).on('error', ignore)
  return {
    push: (chunk) => {
      if (stream.destroyed) return
      if (stream.writableLength + chunk.length <= MAX_HELD_BYTES) {
        stream.write(chunk)
        return
      }
      if (leftOutBytes === 0) onceDrained(stream, tell)
      leftOutBytes += chunk.length
    },
    stop: () => {
      if (!stream.destroyed) tell()
      // The error listener stays: what was written last may still fail, when nobody listens any more.
      unlessDrained(stream, tell)
    },
  }
}

/** Who waits for a stream that is full. The children of many transports share the standard error of this process. */
const waiting = new WeakMap<Writable, Set<() => void>>()

/** Calls back when the stream takes more, with one listener for all who wait for it. */
function onceDrained(stream: Writable, call: () => void): void {
  const calls = waiting.get(stream)
  if (calls) calls.add(call)
  else {
    waiting.set(stream, new Set([call]))
    stream.on('drain', drained)
  }
}

function unlessDrained(stream: Writable, call: () => void): void {
  const calls = waiting.get(stream)
  if (!calls?.delete(call) || calls.size > 0) return
  waiting.delete(stream)
  stream.off('drain', drained)
}

function drained(this: Writable): void {
  for (const call of [...(waiting.get(this) ?? [])]) call()
}

function ignore(): void {}
