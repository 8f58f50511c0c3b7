import { type BudgetAccount, type ByteBudget, type Clock, TransportError } from '@mcpwire/core'
import { type Deferred, deferred, ignore, overloaded } from '@mcpwire/core/authoring'
import type { EventStream } from '../request/http-exchange.js'

/** The body of one response, as its host writes it. */
export interface ByteBody {
  readonly address: string
  /** Returns whether it accepts more. If not, the host calls `drained` of the writer later. */
  write(chunk: string | Uint8Array): boolean
  /** Sends the head of the response, if nothing was written yet. */
  flushHead(): void
  end(done: () => void): void
  destroy(): void
  encode(text: string): Uint8Array
  byteLength(text: string): number
  /** Calls back at the end of this turn of the event loop. */
  defer(run: () => void): void
  /** Called when the client has to read before more is written. */
  blocked(): void
}

/** A text this long is flushed at once, so that the client reads while more is serialized. */
const EARLY_FLUSH_CHARACTERS = 4096
/** Queued text this long is encoded, which releases the strings it was joined from. */
const PACK_CHARACTERS = 65_536
/** A longer text is written in parts, as the progress of a client shows only between writes. */
export const MAX_WRITE_CHARACTERS = 262_144
const PART_BYTES = 262_144

/** Shared by all writes that do not have to wait. */
const accepted: Promise<void> = Promise.resolve()

/** Writes texts to a body, and queues what the client does not read. The texts of one turn of the event loop are one write. */
export class EventWriter implements EventStream {
  isBlocked = false
  drains = 0
  readonly #body: ByteBody
  readonly #maxQueuedBytes: number
  /** Counts what the client has not read. */
  readonly #budget: ByteBudget | undefined
  #account: BudgetAccount | undefined
  #queued = ''
  #packed: Uint8Array[] = []
  /** The bytes of the queue, counted while the body is blocked. */
  #queuedBytes = 0
  /** The bytes of the last write, while the body is blocked by it. */
  #bodyBytes = 0
  #afterQueue: Deferred<void> | undefined
  #afterBody: Deferred<void> | undefined
  #isFlushDue = false
  #hasFlushed = false
  #isOver = false
  #ended: (() => void) | undefined

  constructor(body: ByteBody, maxQueuedBytes: number, budget: ByteBudget | undefined) {
    this.#body = body
    this.#budget = budget
    this.#maxQueuedBytes = maxQueuedBytes
    // The head is sent with the first write of this turn, or alone at the end of it.
    this.#isFlushDue = true
    body.defer(this.#flushDeferred)
  }

  get freeBytes(): number {
    const queued = this.isBlocked ? this.#queuedBytes : this.#body.byteLength(this.#queued)
    return this.#maxQueuedBytes - this.#bodyBytes - queued
  }

  write(text: string): Promise<void> {
    if (this.#isOver || this.#ended) return Promise.reject(this.#disconnectedError())
    // UTF-8 takes at most three bytes for one UTF-16 unit: most texts fit without being counted.
    if (this.isBlocked || (this.#queued.length + text.length) * 3 > this.#maxQueuedBytes) {
      const error = this.#reserve(text)
      if (error) return Promise.reject(error)
    }
    this.#queued += text
    if (this.isBlocked) {
      // With an empty queue no later write may come that would resolve it.
      if (text === '' && !this.#afterQueue && this.#afterBody) return this.#afterBody.promise
      if (this.#queued.length >= PACK_CHARACTERS) this.#pack()
      this.#count()
      // The budget may have ended this very stream.
      if (this.#isOver) return Promise.reject(this.#disconnectedError())
      this.#afterQueue ??= deferred()
      return this.#afterQueue.promise
    }
    if (this.#queued.length >= EARLY_FLUSH_CHARACTERS) this.#flush()
    else if (!this.#isFlushDue) {
      this.#isFlushDue = true
      this.#body.defer(this.#flushDeferred)
    }
    return (this.#afterQueue ?? this.#afterBody)?.promise ?? accepted
  }

  /** Sends the queue, however slowly the client reads, and accepts nothing more. */
  end(): Promise<void> {
    if (this.#isOver || this.#ended) return accepted
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#flush()
      this.#endIfEmpty()
    })
  }

  destroy(): void {
    this.disconnected()
    this.#body.destroy()
  }

  /** The body accepts more. */
  readonly drained = (): void => {
    if (this.#isOver) return
    this.isBlocked = false
    this.drains++
    this.#bodyBytes = 0
    const behind = this.#afterBody
    this.#afterBody = undefined
    behind?.resolve()
    this.#flush()
    this.#count()
    this.#endIfEmpty()
  }

  /** The client has disconnected: drops the queue and rejects the waiting writes. */
  disconnected(): void {
    this.#ended?.()
    this.#account?.close()
    if (this.#isOver) return
    this.#isOver = true
    this.#queued = ''
    this.#packed = []
    for (const waiting of [this.#afterBody, this.#afterQueue]) {
      if (!waiting) continue
      waiting.promise.catch(ignore)
      waiting.reject(this.#disconnectedError())
    }
    this.#afterBody = undefined
    this.#afterQueue = undefined
  }

  readonly #flushDeferred = (): void => {
    this.#isFlushDue = false
    if (this.#queued === '' && !this.#hasFlushed && !this.#isOver) this.#body.flushHead()
    this.#flush()
  }

  #flush(): void {
    while (!this.isBlocked && !this.#isOver && (this.#queued !== '' || this.#packed.length > 0)) {
      const isShort = this.#packed.length === 0 && this.#queued.length <= MAX_WRITE_CHARACTERS
      const chunk = isShort ? this.#takeText() : this.#nextPart()
      const isLast = this.#queued === '' && this.#packed.length === 0
      this.#hasFlushed = true
      if (!this.#body.write(chunk)) {
        this.isBlocked = true
        this.#bodyBytes = typeof chunk === 'string' ? this.#body.byteLength(chunk) : chunk.length
        this.#afterQueue ??= deferred()
        if (isLast) this.#afterBody = this.#afterQueue
        this.#body.blocked()
      } else if (isLast) this.#afterQueue?.resolve()
      if (isLast) this.#afterQueue = undefined
    }
    if (this.isBlocked) this.#count()
  }

  /** Counts the queue in the budget. Nothing of a client that reads is counted. */
  #count(): void {
    if (this.isBlocked) this.#account ??= this.#budget?.open({ shed: () => this.destroy() })
    this.#account?.hold(this.isBlocked ? this.#queuedBytes + this.#bodyBytes : 0)
  }

  #endIfEmpty(): void {
    const ended = this.#ended
    if (!ended || this.#isOver || this.#queued !== '' || this.#packed.length > 0) return
    this.#isOver = true
    const last = this.#afterBody
    this.#ended = () => {
      this.#ended = undefined
      last?.resolve()
      ended()
    }
    this.#body.end(() => {
      this.#account?.close()
      this.#ended?.()
    })
  }

  #reserve(text: string): Error | undefined {
    const { byteLength } = this.#body
    const bytes = byteLength(text)
    const queued = this.isBlocked ? this.#queuedBytes : byteLength(this.#queued)
    const queuedBytes = this.#bodyBytes + queued + bytes
    if (queuedBytes > this.#maxQueuedBytes)
      return overloaded(this.#body.address, queuedBytes, this.#maxQueuedBytes)
    if (this.isBlocked) this.#queuedBytes += bytes
    return undefined
  }

  #pack(): void {
    this.#packed.push(this.#body.encode(this.#queued))
    this.#queued = ''
  }

  #takeText(): string {
    const text = this.#queued
    this.#queued = ''
    this.#queuedBytes = 0
    return text
  }

  /** The first part of the queue. */
  #nextPart(): Uint8Array {
    if (this.#queued !== '') this.#pack()
    const parts: Uint8Array[] = []
    let free = PART_BYTES
    for (let [first] = this.#packed; first && free > 0; [first] = this.#packed) {
      parts.push(first.subarray(0, free))
      if (first.length > free) this.#packed[0] = first.subarray(free)
      else this.#packed.shift()
      free -= Math.min(free, first.length)
    }
    const part = joined(parts, PART_BYTES - free)
    this.#queuedBytes = this.#packed.reduce((sum, { length }) => sum + length, 0)
    return part
  }

  #disconnectedError(): Error {
    const message = `${this.#body.address} disconnected before everything was sent`
    return new TransportError('SEND_FAILED', message, { delivery: 'unknown' })
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts
  if (parts.length === 1 && first) return first
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** How long the end of a stream may take. */
export interface EndLimit {
  readonly clock: Clock
  readonly closeTimeoutMs: number
}

/** A little less than the `close()` of the transport may take. */
const SHARE_OF_CLOSE = 3 / 4

/** Ends a stream, or cuts it off where the client does not read the rest in time. Never rejects. */
export function endWithin(stream: EventStream, { clock, closeTimeoutMs }: EndLimit): Promise<void> {
  return new Promise((resolve) => {
    const timeout = clock.deadline(closeTimeoutMs * SHARE_OF_CLOSE, () => {
      stream.destroy()
      resolve()
    })
    void stream.end().then(() => {
      timeout[Symbol.dispose]()
      resolve()
    })
  })
}
