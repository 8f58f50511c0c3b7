import type { Writable } from 'node:stream'
import { overloaded, sentImmediately } from '../authoring.js'
import { type Deferred, deferred } from '../timing/promises.js'

/** Writes texts to a stream, those of one turn of the event loop together. */
export interface CoalescingWriter {
  /**
   * Takes a text. Resolves when it was taken and the stream wants more: at once as long as that is so. Throws
   * `OVERLOADED` when there is no room.
   */
  write(text: string): Promise<void>
  /** Writes what is left, and a last text whatever room there is, and ends the stream. */
  finish(last?: string): void
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

/** Makes a writer. The caller listens for the stream's errors. */
export function createCoalescingWriter(stream: Writable, options: CoalescingWriterOptions): CoalescingWriter {
  return new Writer(stream, options)
}

/** What waits while the stream asks to wait. */
interface Backlog {
  /** What is held was many texts; made bytes of as it grows, for a string that is put together keeps all its parts. */
  readonly packed: Buffer[]
  /** The bytes of what is held, counted as it comes. Otherwise it is short, and counted when it leaves. */
  heldBytes: number
  /** What the stream has taken and not yet passed on. */
  readonly streamBytes: number
  /** For those whose text the stream holds, and for those whose text is held. */
  readonly behindStream: Deferred<void>
  behindHeld: Deferred<void> | undefined
  readonly ondrain: () => void
}

// A class that has little while the stream takes everything: there is one for each connection.
class Writer implements CoalescingWriter {
  bytesWritten = 0
  readonly #stream: Writable
  readonly #options: CoalescingWriterOptions
  #held = ''
  #isTailDue = false
  #isStopped = false
  #backlog: Backlog | undefined

  constructor(stream: Writable, options: CoalescingWriterOptions) {
    this.#stream = stream
    this.#options = options
  }

  write(text: string): Promise<void> {
    // UTF-8 takes at most three bytes for one UTF-16 unit: most texts have room without being counted.
    if (this.#backlog || (this.#held.length + text.length) * 3 > this.#options.maxQueuedBytes)
      this.#requireRoom(text)
    this.#held += text
    if (this.#backlog) return this.#waitBehind(this.#backlog)
    if (this.#held.length >= EARLY_FLUSH_CHARACTERS) this.#flush()
    else if (!this.#isTailDue) {
      this.#isTailDue = true
      process.nextTick(endTurn, this)
    }
    // As `write` says, and the flush may just have found out.
    return this.#behindStream() ?? sentImmediately
  }

  finish(last?: string): void {
    const earlier = this.#backlog?.behindStream
    this.#release()
    this.#stream.once('finish', () => {
      earlier?.resolve()
      this.#backlog?.behindStream.resolve()
    })
    this.#stream.end(last)
  }

  stop(): void {
    this.#isStopped = true
    this.#held = ''
    if (this.#backlog) this.#stream.off('drain', this.#backlog.ondrain)
    this.#backlog = undefined
  }

  /** The turn of the event loop is over. */
  endTurn(): void {
    this.#isTailDue = false
    if (!this.#backlog) this.#flush()
  }

  #flush(): void {
    if (this.#isStopped || this.#held === '') return
    const chunk = this.#held
    this.#held = ''
    this.#writeOut(chunk, undefined)
  }

  /** Gives the stream what it asked to wait with. */
  #release(): void {
    const backlog = this.#backlog
    this.#backlog = undefined
    if (!backlog || backlog.packed.length === 0) {
      const chunk = this.#held
      this.#held = ''
      if (!this.#isStopped && chunk !== '') this.#writeOut(chunk, backlog?.behindHeld)
    } else {
      const chunk = Buffer.concat([...backlog.packed, Buffer.from(this.#held)])
      this.#held = ''
      this.#writeOut(chunk, backlog.behindHeld)
    }
  }

  #writeOut(chunk: string | Buffer, behind: Deferred<void> | undefined): void {
    const bytes = Buffer.byteLength(chunk)
    this.bytesWritten += bytes
    if (this.#stream.write(chunk)) {
      behind?.resolve()
      return
    }
    const ondrain = (): void => this.#drained()
    this.#backlog = {
      packed: [],
      heldBytes: 0,
      streamBytes: bytes,
      behindStream: behind ?? deferred(),
      behindHeld: undefined,
      ondrain,
    }
    this.#stream.once('drain', ondrain)
  }

  #drained(): void {
    this.#backlog?.behindStream.resolve()
    this.#release()
  }

  #waitBehind(backlog: Backlog): Promise<void> {
    if (this.#held.length >= PACK_CHARACTERS) {
      backlog.packed.push(Buffer.from(this.#held))
      this.#held = ''
    }
    backlog.behindHeld ??= deferred()
    return backlog.behindHeld.promise
  }

  #behindStream(): Promise<void> | undefined {
    return this.#backlog?.behindStream.promise
  }

  /** Throws `OVERLOADED` where there is no room, and counts what has to wait. */
  #requireRoom(text: string): void {
    const { address, maxQueuedBytes } = this.#options
    const backlog = this.#backlog
    const bytes = Buffer.byteLength(text)
    const before = backlog ? backlog.streamBytes + backlog.heldBytes : Buffer.byteLength(this.#held)
    const queuedBytes = before + bytes
    if (queuedBytes > maxQueuedBytes) throw overloaded(address, queuedBytes, maxQueuedBytes)
    if (backlog) backlog.heldBytes += bytes
  }
}

function endTurn(writer: Writer): void {
  writer.endTurn()
}
