import { TransportError } from '@mcpwire/core'
import { overloaded } from '@mcpwire/core/authoring'
import type { EventStream } from '../request/http-exchange.js'

/** Where a writer puts bytes: the body of one answer. */
export interface ByteBody {
  readonly address: string
  /** Whether more is wanted right away. Otherwise `drained` of the writer is called later. */
  write(chunk: string | Uint8Array): boolean
  /** Sends the head of the answer, where nothing was written yet. */
  flushHead(): void
  end(done: () => void): void
  destroy(): void
  encode(text: string): Uint8Array
  byteLength(text: string): number
  /** Calls back at the end of this turn of the event loop. */
  soon(run: () => void): void
  /** Hears that the caller has to read before more is written. */
  fellBehind(): void
}

/** A write this long leaves before the turn is over: the other process starts reading while this one serialises. */
const EARLY_FLUSH_CHARACTERS = 4096
/** How much of what has to wait stays text, whose parts would all be kept. */
const PACK_CHARACTERS = 65_536
/** Longer texts leave in parts, each once the one before was taken: that a caller reads shows only between writes. */
export const MOST_TOGETHER_CHARACTERS = 262_144
const PART_BYTES = 262_144

/** What a write gets that did not have to wait: one promise for all of them costs nothing. */
const taken: Promise<void> = Promise.resolve()

/** Writes of one moment that wait for the same one. */
class Turnstile {
  readonly promise: Promise<void>
  open!: () => void
  shut!: (error: Error) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.open = resolve
      this.shut = reject
    })
  }
}

/** Writes texts to a body, those of one turn of the event loop together, and holds what the caller does not read. */
export class EventWriter implements EventStream {
  isBlocked = false
  drains = 0
  readonly #body: ByteBody
  readonly #maxQueuedBytes: number
  #held = ''
  #packed: Uint8Array[] = []
  /** The bytes of what is held, counted while it has to wait. */
  #heldBytes = 0
  /** What the body has taken and not passed on, while it asks to wait. */
  #bodyBytes = 0
  #behindHeld: Turnstile | undefined
  #behindBody: Turnstile | undefined
  #isTailDue = false
  #hasWritten = false
  #isOver = false
  #ended: (() => void) | undefined

  constructor(body: ByteBody, maxQueuedBytes: number) {
    this.#body = body
    this.#maxQueuedBytes = maxQueuedBytes
    // The head leaves with what is written in this turn, or alone at the end of it.
    this.#isTailDue = true
    body.soon(this.#tail)
  }

  get freeBytes(): number {
    const held = this.isBlocked ? this.#heldBytes : this.#body.byteLength(this.#held)
    return this.#maxQueuedBytes - this.#bodyBytes - held
  }

  write(text: string): Promise<void> {
    if (this.#isOver || this.#ended) return Promise.reject(this.#lost())
    // UTF-8 takes at most three bytes for one UTF-16 unit: most texts have room without being counted.
    if (this.isBlocked || (this.#held.length + text.length) * 3 > this.#maxQueuedBytes) {
      const error = this.#reserve(text)
      if (error) return Promise.reject(error)
    }
    this.#held += text
    if (this.isBlocked) {
      // Nothing is behind what the body holds: no later write may come that would let it go.
      if (text === '' && !this.#behindHeld && this.#behindBody) return this.#behindBody.promise
      if (this.#held.length >= PACK_CHARACTERS) this.#pack()
      this.#behindHeld ??= new Turnstile()
      return this.#behindHeld.promise
    }
    if (this.#held.length >= EARLY_FLUSH_CHARACTERS) this.#flush()
    else if (!this.#isTailDue) {
      this.#isTailDue = true
      this.#body.soon(this.#tail)
    }
    return (this.#behindHeld ?? this.#behindBody)?.promise ?? taken
  }

  /** What is written leaves, however slowly the caller reads; nothing more is taken. */
  end(): Promise<void> {
    if (this.#isOver || this.#ended) return taken
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#flush()
      this.#endIfEmpty()
    })
  }

  destroy(): void {
    this.left()
    this.#body.destroy()
  }

  /** The body wants more. */
  readonly drained = (): void => {
    if (this.#isOver) return
    this.isBlocked = false
    this.drains++
    this.#bodyBytes = 0
    const behind = this.#behindBody
    this.#behindBody = undefined
    behind?.open()
    this.#flush()
    this.#endIfEmpty()
  }

  /** The caller is gone: nothing that waits will leave. */
  left(): void {
    this.#ended?.()
    if (this.#isOver) return
    this.#isOver = true
    this.#held = ''
    this.#packed = []
    for (const turnstile of [this.#behindBody, this.#behindHeld]) {
      if (!turnstile) continue
      turnstile.promise.catch(ignore)
      turnstile.shut(this.#lost())
    }
    this.#behindBody = undefined
    this.#behindHeld = undefined
  }

  readonly #tail = (): void => {
    this.#isTailDue = false
    if (this.#held === '' && !this.#hasWritten && !this.#isOver) this.#body.flushHead()
    this.#flush()
  }

  #flush(): void {
    while (!this.isBlocked && !this.#isOver && (this.#held !== '' || this.#packed.length > 0)) {
      const isShort = this.#packed.length === 0 && this.#held.length <= MOST_TOGETHER_CHARACTERS
      const chunk = isShort ? this.#heldText() : this.#nextPart()
      const isLast = this.#held === '' && this.#packed.length === 0
      this.#hasWritten = true
      if (!this.#body.write(chunk)) {
        this.isBlocked = true
        this.#bodyBytes = typeof chunk === 'string' ? this.#body.byteLength(chunk) : chunk.length
        this.#behindHeld ??= new Turnstile()
        if (isLast) this.#behindBody = this.#behindHeld
        this.#body.fellBehind()
      } else if (isLast) this.#behindHeld?.open()
      if (isLast) this.#behindHeld = undefined
    }
  }

  #endIfEmpty(): void {
    const ended = this.#ended
    if (!ended || this.#isOver || this.#held !== '' || this.#packed.length > 0) return
    this.#isOver = true
    const last = this.#behindBody
    this.#ended = () => {
      this.#ended = undefined
      last?.open()
      ended()
    }
    this.#body.end(() => this.#ended?.())
  }

  #reserve(text: string): Error | undefined {
    const { byteLength } = this.#body
    const bytes = byteLength(text)
    const held = this.isBlocked ? this.#heldBytes : byteLength(this.#held)
    const queuedBytes = this.#bodyBytes + held + bytes
    if (queuedBytes > this.#maxQueuedBytes)
      return overloaded(this.#body.address, queuedBytes, this.#maxQueuedBytes)
    if (this.isBlocked) this.#heldBytes += bytes
    return undefined
  }

  #pack(): void {
    this.#packed.push(this.#body.encode(this.#held))
    this.#held = ''
  }

  #heldText(): string {
    const text = this.#held
    this.#held = ''
    this.#heldBytes = 0
    return text
  }

  /** The first of what is held, as long as a part may be. */
  #nextPart(): Uint8Array {
    if (this.#held !== '') this.#pack()
    const parts: Uint8Array[] = []
    let room = PART_BYTES
    for (let [first] = this.#packed; first && room > 0; [first] = this.#packed) {
      parts.push(first.subarray(0, room))
      if (first.length > room) this.#packed[0] = first.subarray(room)
      else this.#packed.shift()
      room -= Math.min(room, first.length)
    }
    const part = joined(parts, PART_BYTES - room)
    this.#heldBytes = this.#packed.reduce((sum, { length }) => sum + length, 0)
    return part
  }

  #lost(): Error {
    const message = `${this.#body.address} left before everything was sent`
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

function ignore(): void {}
