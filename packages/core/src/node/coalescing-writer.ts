import type { Writable } from 'node:stream'
import { overloaded, sentImmediately } from '../authoring.js'
import { type Deferred, deferred } from '../timing/promises.js'

/** Writes texts to a stream. Texts of one turn of the event loop become one write. */
export interface CoalescingWriter {
  /**
   * Queues a text. Resolves when the stream has accepted it and is below its high-water mark, mostly at once. Throws
   * `OVERLOADED` when the queue is full.
   */
  write(text: string): Promise<void>
  /** Flushes the queue, writes a last text regardless of the limit, and ends the stream. */
  finish(last?: string): void
  /** Drops the queue. Pending writes stay unsettled. */
  stop(): void
  readonly bytesWritten: number
}

/** The limit of a writer, and the address for its errors. */
export interface CoalescingWriterOptions {
  readonly address: string
  readonly maxQueuedBytes: number
  /**
   * Called with the number of queued bytes while the system does not accept them, after each change; with 0 when all are
   * accepted.
   */
  outputHeld?(bytes: number): void
}

/**
 * A write of this length is flushed within the turn, so that the peer starts reading while this process still
 * serialises. Measured: from 8 KiB on the gain is lost again (docs/performance.md).
 */
const EARLY_FLUSH_CHARACTERS = 4096

/** Longest queued text that is not yet packed into bytes. */
const PACK_CHARACTERS = 65_536

/**
 * Creates a writer. The errors of the stream stay with its owner.
 *
 * @example
 * ```ts
 * const writer = createCoalescingWriter(socket, { address: 'tcp://127.0.0.1:7000', maxQueuedBytes: 16_777_216 })
 * await writer.write('{"jsonrpc":"2.0","method":"ping"}\n')
 * ```
 */
export function createCoalescingWriter(stream: Writable, options: CoalescingWriterOptions): CoalescingWriter {
  return new Writer(stream, options)
}

/** State while the stream is above its high-water mark. */
interface Backlog {
  /** Queued texts as bytes: a concatenated string would keep all its parts in memory. */
  readonly packed: Buffer[]
  /** Bytes of the queued texts. Without a backlog the queue is short and counted when it is flushed. */
  heldBytes: number
  /** Bytes that the stream has accepted and not yet drained. */
  readonly streamBytes: number
  /** Resolves the writes whose text is in the stream, and those whose text is queued here. */
  readonly behindStream: Deferred<void>
  behindHeld: Deferred<void> | undefined
  readonly ondrain: () => void
}

// A class with few members while the stream has no backlog: there is one for each connection.
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
    // UTF-8 takes at most three bytes for one UTF-16 unit: most texts fit without counting.
    if (this.#backlog || (this.#held.length + text.length) * 3 > this.#options.maxQueuedBytes)
      this.#requireCapacity(text)
    this.#held += text
    if (this.#backlog) return this.#enqueue(this.#backlog)
    if (this.#held.length >= EARLY_FLUSH_CHARACTERS) this.#flush()
    else if (!this.#isTailDue) {
      this.#isTailDue = true
      process.nextTick(endTurn, this)
    }
    // The flush may just have stopped this writer, or filled the stream.
    if (this.#isStopped) return deferred().promise
    return this.#behindStream() ?? sentImmediately
  }

  finish(last?: string): void {
    const earlier = this.#backlog?.behindStream
    this.#flush()
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

  /** Runs at the end of a turn of the event loop. */
  endTurn(): void {
    this.#isTailDue = false
    if (!this.#backlog) this.#flush()
  }

  /** Writes the queue: within the turn or at its end, after a drain, or before the end of the stream. */
  #flush(): void {
    const backlog = this.#backlog
    const packed = backlog?.packed.length
      ? Buffer.concat([...backlog.packed, Buffer.from(this.#held)])
      : undefined
    const chunk = packed ?? this.#held
    this.#backlog = undefined
    this.#held = ''
    if (this.#isStopped) return
    if (chunk.length === 0) {
      if (backlog) this.#options.outputHeld?.(0)
      return
    }
    const bytes = Buffer.byteLength(chunk)
    this.bytesWritten += bytes
    if (this.#stream.write(chunk)) {
      if (backlog) this.#options.outputHeld?.(0)
      backlog?.behindHeld?.resolve()
      return
    }
    const ondrain = (): void => {
      this.#backlog?.behindStream.resolve()
      this.#flush()
    }
    this.#backlog = {
      packed: [],
      heldBytes: 0,
      streamBytes: bytes,
      behindStream: backlog?.behindHeld ?? deferred(),
      behindHeld: undefined,
      ondrain,
    }
    this.#stream.once('drain', ondrain)
    // Last: the owner may stop this writer. The system has mostly accepted the bytes already.
    if (backlog || this.#stream.writableLength > 0) this.#options.outputHeld?.(this.#stream.writableLength)
  }

  #enqueue(backlog: Backlog): Promise<void> {
    if (this.#held.length >= PACK_CHARACTERS) {
      backlog.packed.push(Buffer.from(this.#held))
      this.#held = ''
    }
    backlog.behindHeld ??= deferred()
    const { promise } = backlog.behindHeld
    // Last: the owner may stop this writer.
    this.#options.outputHeld?.(backlog.streamBytes + backlog.heldBytes)
    return promise
  }

  #behindStream(): Promise<void> | undefined {
    return this.#backlog?.behindStream.promise
  }

  /** Throws `OVERLOADED` when the queue is full, and counts the queued bytes. */
  #requireCapacity(text: string): void {
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
