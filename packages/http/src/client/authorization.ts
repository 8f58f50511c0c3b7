import type { Fetch } from '../engine-settings.js'
import type { HttpAuth } from '../http-auth.js'
import type { RefusedAnswer } from './refused-answer.js'
import { markAsAuthFailure } from './sdk-marks.js'

/** Names of headers that say what an answer wants. */
const TOLD = ['www-authenticate', 'content-type', 'retry-after'] as const

/** Asks for credentials on behalf of all requests of one client. */
export class Authorization {
  readonly #auth: HttpAuth
  readonly #serverUrl: URL
  readonly #fetch: Fetch
  /** Grows whenever a new credential may be had. */
  generation = 0
  #underWay: Promise<void> | undefined

  constructor(auth: HttpAuth, serverUrl: URL, fetch: Fetch) {
    this.#auth = auth
    this.#serverUrl = serverUrl
    this.#fetch = fetch
  }

  /** The credential to send. Rejects with what the application threw. */
  async token(): Promise<string | undefined> {
    try {
      return (await this.#auth.token()) ?? undefined
    } catch (error) {
      throw markAsAuthFailure(error)
    }
  }

  /**
   * Gets another credential where that can be done, and says whether it was: `generation` is what it was when the
   * refused request was sent. All who were refused meanwhile share one attempt.
   */
  async renew(answer: RefusedAnswer, generation: number): Promise<boolean> {
    const ask =
      answer.status === 401
        ? this.#auth.onUnauthorized?.bind(this.#auth)
        : this.#auth.onInsufficientScope?.bind(this.#auth)
    if (!ask) return false
    if (generation === this.generation) {
      this.#underWay ??= this.#ask(ask, answer).finally(() => {
        this.#underWay = undefined
      })
      await this.#underWay
    }
    return true
  }

  async #ask(ask: NonNullable<HttpAuth['onUnauthorized']>, answer: RefusedAnswer): Promise<void> {
    try {
      await ask({ response: responseOf(answer), serverUrl: new URL(this.#serverUrl), fetchFn: this.#fetch })
    } catch (error) {
      throw markAsAuthFailure(error)
    }
    this.generation++
  }
}

/** Whether an answer asks for more rights than the credential has (RFC 6750, section 3.1). */
export function wantsMoreScope({ status, header }: RefusedAnswer): boolean {
  return status === 403 && /\berror\s*=\s*"?insufficient_scope\b/i.test(header('www-authenticate') ?? '')
}

function responseOf(answer: RefusedAnswer): Response {
  const { status, statusText, text } = answer
  const headers = new Headers()
  for (const name of TOLD) {
    const value = answer.header(name)
    if (value !== undefined) headers.set(name, value)
  }
  return new Response(text, { status, statusText, headers })
}
