import type { Writable } from 'node:stream'
import { overloaded } from '../index.js'

/** Writes texts to a stream, those of one turn of the event loop together. */
export interface CoalescingWriter {
  /** Takes a text. Resolves when the stream took it and wants more; rejects with `OVERLOADED` when there is no room. */
  write(text: string): Promise<void>
  /** Writes what is left and ends the stream. */
  finish(): void
  /** Forgets what is left; what waits is never settled by this writer again. */
  stop(): void
  readonly bytesWritten: number
}

/** What bounds a writer. */
export interface CoalescingWriterOptions {
  readonly address: string
  readonly maxQueuedBytes: number
}

/**
 * A write this long leaves before the turn is over, so that the other process starts reading while this one is
 * still serialising. Measured: from 8 KiB on the gain is lost again (docs/performance.md).
 */
const EARLY_FLUSH_BYTES = 4096

interface Batch {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** Makes a writer. The caller listens for the stream's errors. */
export function createCoalescingWriter(stream: Writable, options: CoalescingWriterOptions): CoalescingWriter {
  const { address, maxQueuedBytes } = options
  let held = ''
  let heldBytes = 0
  /** What the stream has taken and not yet passed on, while it asks to wait. */
  let streamBytes = 0
  let bytesWritten = 0
  let batch: Batch | undefined
  let waiting: Batch[] = []
  let isTailDue = false
  let isBlocked = false
  let isStopped = false

  function flush(): void {
    if (isBlocked || isStopped || heldBytes === 0) return
    const text = held
    const bytes = heldBytes
    const written = batch
    held = ''
    heldBytes = 0
    batch = undefined
    bytesWritten += bytes
    if (stream.write(text)) {
      written?.resolve()
      return
    }
    isBlocked = true
    streamBytes = bytes
    if (written) waiting.push(written)
  }

  function tail(): void {
    isTailDue = false
    flush()
  }

  function drained(): void {
    isBlocked = false
    streamBytes = 0
    settleWaiting()
    flush()
  }

  function settleWaiting(): void {
    const settled = waiting
    waiting = []
    for (const each of settled) each.resolve()
  }

  stream.on('drain', drained)

  return {
    write(text) {
      const bytes = Buffer.byteLength(text)
      const queuedBytes = streamBytes + heldBytes + bytes
      if (queuedBytes > maxQueuedBytes)
        return Promise.reject(overloaded(address, queuedBytes, maxQueuedBytes))
      held += text
      heldBytes += bytes
      batch ??= createBatch()
      const { promise } = batch
      if (heldBytes >= EARLY_FLUSH_BYTES) flush()
      else if (!isTailDue) {
        isTailDue = true
        process.nextTick(tail)
      }
      return promise
    },
    finish() {
      isBlocked = false
      flush()
      stream.once('finish', settleWaiting)
      stream.end()
    },
    stop() {
      isStopped = true
      held = ''
      heldBytes = 0
      stream.off('drain', drained)
    },
    get bytesWritten() {
      return bytesWritten
    },
  }
}

function createBatch(): Batch {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
