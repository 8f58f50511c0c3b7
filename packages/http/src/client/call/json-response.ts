import { tooLargeToAccept } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../../engines/engine.js'
import type { ClientContext } from './client-context.js'
import type { WatchedStream } from './idle-watch.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Collects the text of one body, up to a limit. Throws where it is not UTF-8. */
export class BodyText {
  /** The bytes that arrived so far, those over the limit included. */
  bytes = 0
  readonly #maxBytes: number
  readonly #announcedBytes: number
  #decoder: TextDecoder | undefined
  #text = ''

  /** `announced` is the value of `content-length`, where there is one. */
  constructor(maxBytes: number, announced?: string | undefined) {
    this.#maxBytes = maxBytes
    this.#announcedBytes = announced === undefined ? Number.NaN : Number(announced)
    if (this.#announcedBytes > maxBytes) this.bytes = this.#announcedBytes
  }

  get isTooLong(): boolean {
    return this.bytes > this.#maxBytes
  }

  /** Adds a chunk. One over the limit is counted only. */
  add(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (this.isTooLong) return
    // A body longer than announced was decompressed by the platform, so this chunk may not be all of it.
    if (this.bytes === this.#announcedBytes && chunk.length === this.bytes) {
      try {
        this.#text = utf8.decode(chunk)
        return
      } catch {
        // The chunk may end within a character.
      }
    }
    this.#decoder ??= new TextDecoder('utf-8', { fatal: true })
    this.#text += this.#decoder.decode(chunk, { stream: true })
  }

  /** The text, once the body has ended. */
  text(): string {
    return this.#decoder ? this.#text + this.#decoder.decode() : this.#text
  }
}

/** Receives the outcome of a JSON response. */
export interface JsonResponseOwner {
  /** The body is complete. */
  complete(text: string): void
  /** The body is not UTF-8. */
  unreadable(bytes: Uint8Array): void
  /** The rest of the body does not arrive. */
  broken(why: string, cause?: unknown): void
  /** The body is longer than `maxMessageBytes`. */
  tooLarge(error: Error): void
}

/** The body of a JSON response while it arrives. */
export class JsonResponse extends BodyText implements WatchedStream {
  activeAtMs = 0
  readonly #owner: JsonResponseOwner
  readonly #context: ClientContext

  constructor(owner: JsonResponseOwner, context: ClientContext, head: ResponseHead) {
    super(context.maxMessageBytes, head.header('content-length'))
    this.#owner = owner
    this.#context = context
  }

  open(): void {
    if (this.isTooLong) {
      this.#tooLarge()
      return
    }
    this.activeAtMs = this.#context.clock.now()
    this.#context.watch.add(this)
  }

  push(chunk: Uint8Array): void {
    this.activeAtMs = this.#context.clock.now()
    try {
      this.add(chunk)
    } catch {
      this.#owner.unreadable(chunk)
      return
    }
    if (this.isTooLong) this.#tooLarge()
  }

  end(): void {
    this.close()
    let text: string
    try {
      text = this.text()
    } catch {
      this.#owner.unreadable(new Uint8Array())
      return
    }
    this.#owner.complete(text)
  }

  close(): void {
    this.#context.watch.delete(this)
  }

  idle(): void {
    const { address, watch } = this.#context
    this.#owner.broken(`the response of ${address} was interrupted`, watch.silence(address))
  }

  #tooLarge(): void {
    const { maxMessageBytes, address } = this.#context
    this.#owner.tooLarge(tooLargeToAccept(this.bytes, maxMessageBytes, address))
  }
}

/** The message of a batch of one: some servers respond with it to a single request. */
export function onlyMessageIn(text: string): unknown {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    const batch: unknown = JSON.parse(text)
    return Array.isArray(batch) && batch.length === 1 ? batch[0] : undefined
  } catch {
    return undefined
  }
}
