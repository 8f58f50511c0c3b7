import type { Flow } from '@mcpwire/core'

/** A POST whose body is read only while its session accepts messages. */
export interface PausablePost {
  pause(): void
  resume(): void
}

/**
 * The flow of one session: while it is paused, no body of its POSTs is read. This includes responses to requests of the
 * application.
 */
export class PostFlow implements Flow {
  #isPaused = false
  readonly #posts = new Set<PausablePost>()

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Adds a POST whose body is not complete. */
  add(post: PausablePost): void {
    this.#posts.add(post)
  }

  delete(post: PausablePost): void {
    this.#posts.delete(post)
  }

  readonly pause = (): void => {
    if (this.#isPaused) return
    this.#isPaused = true
    for (const post of this.#posts) post.pause()
  }

  readonly resume = (): void => {
    this.#isPaused = false
    for (const post of this.#posts) {
      // What the first one delivers may pause the session again.
      if (this.#isPaused) return
      post.resume()
    }
  }
}
