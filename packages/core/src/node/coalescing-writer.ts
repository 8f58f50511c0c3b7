import type { Writable } from 'node:stream'
import { overloaded } from '../index.js'

/** Writes texts to a stream, those of one turn of the event loop together. */
export interface CoalescingWriter {
  /**
   * Takes a text. Resolves when it was taken and the stream wants more: at once as long as that is so. Throws
   * `OVERLOADED` when there is no room.
   */
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

/** How much of what has to wait stays text. */
const PACK_CHARACTERS = 65_536

/** What a send gets that did not have to wait: one promise for all of them costs nothing. */
const taken: Promise<void> = Promise.resolve()

/** Sends that wait for the same moment. */
interface Turnstile {
  readonly promise: Promise<void>
  readonly open: () => void
}

/** Makes a writer. The caller listens for the stream's errors. */
export function createCoalescingWriter(stream: Writable, options: CoalescingWriterOptions): CoalescingWriter {
  const { address, maxQueuedBytes } = options
  let held = ''
  /** What is held was many texts; made bytes of as it grows, for a string that is put together keeps all its parts. */
  let packed: Buffer[] = []
  /** The bytes of what is held, counted while it has to wait. Otherwise it is short, and counted when it leaves. */
  let heldBytes = 0
  /** What the stream has taken and not yet passed on, while it asks to wait. */
  let streamBytes = 0
  /** For those whose text is held, and for those whose text the stream holds. */
  let behindHeld: Turnstile | undefined
  let behindStream: Turnstile | undefined
  let isTailDue = false
  let isBlocked = false
  let isStopped = false

  function flush(): void {
    if (isBlocked || isStopped || (held === '' && packed.length === 0)) return
    const chunk = packed.length === 0 ? held : Buffer.concat([...packed, Buffer.from(held)])
    const bytes = Buffer.byteLength(chunk)
    held = ''
    packed = []
    writer.bytesWritten += bytes
    if (stream.write(chunk)) {
      behindHeld?.open()
    } else {
      isBlocked = true
      heldBytes = 0
      streamBytes = bytes
      behindStream = behindHeld ?? createTurnstile()
    }
    behindHeld = undefined
  }

  function tail(): void {
    isTailDue = false
    flush()
  }

  function drained(): void {
    isBlocked = false
    streamBytes = 0
    behindStream?.open()
    behindStream = undefined
    flush()
  }

  function finished(): void {
    behindStream?.open()
    behindHeld?.open()
  }

  /** Throws `OVERLOADED` where there is no room, and counts what has to wait. */
  function requireRoom(text: string): void {
    const bytes = Buffer.byteLength(text)
    const queuedBytes = streamBytes + (isBlocked ? heldBytes : Buffer.byteLength(held)) + bytes
    if (queuedBytes > maxQueuedBytes) throw overloaded(address, queuedBytes, maxQueuedBytes)
    if (isBlocked) heldBytes += bytes
  }

  stream.on('drain', drained)

  const writer = {
    bytesWritten: 0,
    write(text: string): Promise<void> {
      // UTF-8 takes at most three bytes for one UTF-16 unit: most texts have room without being counted.
      if (isBlocked || (held.length + text.length) * 3 > maxQueuedBytes) requireRoom(text)
      held += text
      if (isBlocked) {
        if (held.length >= PACK_CHARACTERS) {
          packed.push(Buffer.from(held))
          held = ''
        }
        behindHeld ??= createTurnstile()
        return behindHeld.promise
      }
      if (held.length >= EARLY_FLUSH_CHARACTERS) flush()
      else if (!isTailDue) {
        isTailDue = true
        process.nextTick(tail)
      }
      return behindStream?.promise ?? taken
    },
    finish() {
      isBlocked = false
      const earlier = behindStream
      flush()
      stream.once('finish', () => {
        earlier?.open()
        finished()
      })
      stream.end()
    },
    stop() {
      isStopped = true
      held = ''
      packed = []
      heldBytes = 0
      stream.off('drain', drained)
    },
  }
  return writer
}

function createTurnstile(): Turnstile {
  let open!: () => void
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open }
}
