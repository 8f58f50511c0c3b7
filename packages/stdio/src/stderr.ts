import { PassThrough, type Readable, type Writable } from 'node:stream'
import { createStderrTail } from './stderr-tail.js'

/** Where the standard error of a child goes: to this process's, to `transport.stderr`, or nowhere else. */
export type StderrOption = 'inherit' | 'pipe' | 'ignore'

/** The standard error of every child a transport has. */
export interface StderrReader {
  /** What `transport.stderr` yields: a stream where `pipe` was asked for, there before any child is. */
  readonly stream: Readable | null
  /** Reads all a child writes there, for as long as it writes. */
  attach(stderr: Readable): void
  /** The last 4 KiB. */
  tail(): string
  /** Says that no child writes any more. */
  end(): void
}

/**
 * Reads a child's standard error to its end, whoever listens: a child never waits for its messages to be read. What
 * a reader of `stream` does not take in time is left out, and a line in its place says how much that was.
 */
export function createStderrReader(option: StderrOption, own: Writable = process.stderr): StderrReader {
  const tail = createStderrTail()
  const stream = option === 'pipe' ? new PassThrough() : null
  const forward = stream
    ? leavingOut(stream)
    : option === 'inherit'
      ? (chunk: Buffer) => void own.write(chunk)
      : ignore
  return {
    stream,
    attach: (stderr) => {
      stderr.on('data', (chunk: Buffer) => {
        tail.push(chunk)
        forward(chunk)
      })
      stderr.on('error', ignore)
    },
    tail: () => tail.text(),
    end: () => void stream?.end(),
  }
}

function ignore(): void {}

/** Writes to a stream as long as somebody takes it; tells what was left out when they do again. */
function leavingOut(stream: PassThrough): (chunk: Buffer) => void {
  let leftOutBytes = 0
  stream.on('drain', () => {
    if (leftOutBytes === 0) return
    stream.write(`\n[${leftOutBytes} bytes of standard error were not read in time]\n`)
    leftOutBytes = 0
  })
  return (chunk) => {
    if (stream.writableNeedDrain) leftOutBytes += chunk.length
    else stream.write(chunk)
  }
}
