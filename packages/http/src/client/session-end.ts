import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { Link } from './call/client-context.js'
import { HttpCall } from './call/http-call.js'

/** Tells the server that its session is over. Resolves when it knows, or cannot be told. */
export function endSession(link: Link, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const late = link.clock.deadline(timeoutMs, () => {
      call.giveUp()
      resolve()
    })
    const call = new EndSession(link, () => {
      late[Symbol.dispose]()
      resolve()
    })
    call.begin()
  })
}

/** The DELETE that ends a session. Servers may refuse it, which is the same to whoever leaves. */
class EndSession extends HttpCall {
  readonly #done: () => void

  constructor(link: Link, done: () => void) {
    super(link, 'DELETE')
    this.#done = done
  }

  protected headers(): HeaderRecord | Promise<HeaderRecord> {
    return this.link.headers.end()
  }

  protected accepted(): void {
    this.#done()
  }

  protected refused(): void {
    this.#done()
  }

  protected unsent(): void {
    this.#done()
  }

  protected received(): void {}
  protected finished(): void {}
  protected severed(): void {}
}
