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
const EARLY_FLUSH_CHARACTERS = 4096

interface Batch {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** Makes a writer. The caller listens for the stream's errors. */
export function createCoalescingWriter(stream: Writable, options: CoalescingWriterOptions): CoalescingWriter {
  const { address, maxQueuedBytes } = options
  let held = ''
  /** The bytes of what is held, counted while it has to wait. Otherwise it is short, and counted when it leaves. */
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
    if (isBlocked || isStopped || held === '') return
    const text = held
    const bytes = Buffer.byteLength(text)
    const written = batch
    held = ''
    batch = undefined
    bytesWritten += bytes
    if (stream.write(text)) {
      written?.resolve()
      return
    }
    isBlocked = true
    heldBytes = 0
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
      // UTF-8 takes at most three bytes for one UTF-16 unit: most texts have room without being counted.
      if (isBlocked || (held.length + text.length) * 3 > maxQueuedBytes) {
        const bytes = Buffer.byteLength(text)
        const queuedBytes = streamBytes + (isBlocked ? heldBytes : Buffer.byteLength(held)) + bytes
        if (queuedBytes > maxQueuedBytes)
          return Promise.reject(overloaded(address, queuedBytes, maxQueuedBytes))
        if (isBlocked) heldBytes += bytes
      }
      held += text
      batch ??= createBatch()
      const { promise } = batch
      if (held.length >= EARLY_FLUSH_CHARACTERS) flush()
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
