import { tooLargeToAccept } from '@mcpwire/core/authoring'
import type { AnswerHead } from '../../engines/engine.js'
import { BodyText } from './body-text.js'
import type { Link } from './client-context.js'
import type { WatchedStream } from './idle-watch.js'

/** What is done with what an answer in JSON comes to. */
export interface JsonAnswerOwner {
  /** All of it is there. */
  complete(text: string): void
  /** It is not text. */
  unreadable(bytes: Uint8Array): void
  /** Nothing more of it comes. */
  broken(why: string, cause?: unknown): void
  /** It is longer than allowed. */
  overlong(error: Error): void
}

/** An answer in JSON while it arrives. */
export class JsonAnswer extends BodyText implements WatchedStream {
  heardAtMs = 0
  readonly #owner: JsonAnswerOwner
  readonly #link: Link

  constructor(owner: JsonAnswerOwner, link: Link, head: AnswerHead) {
    super(link.maxMessageBytes, head.header('content-length'))
    this.#owner = owner
    this.#link = link
  }

  open(): void {
    if (this.isTooLong) {
      this.#tooLong()
      return
    }
    this.heardAtMs = this.#link.clock.now()
    this.#link.watch.add(this)
  }

  push(chunk: Uint8Array): void {
    this.heardAtMs = this.#link.clock.now()
    try {
      this.add(chunk)
    } catch {
      this.#owner.unreadable(chunk)
      return
    }
    if (this.isTooLong) this.#tooLong()
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
    this.#link.watch.delete(this)
  }

  idle(): void {
    const { address, watch } = this.#link
    this.#owner.broken(`the answer of ${address} broke off`, watch.silence(address))
  }

  #tooLong(): void {
    const { maxMessageBytes, address } = this.#link
    this.#owner.overlong(tooLargeToAccept(this.bytes, maxMessageBytes, address))
  }
}
