import type { Fetch } from '../../engines/engine-settings.js'
import { type AskedInTime, isPromised } from './callback-timeout.js'
import type { HttpAuth } from './http-auth.js'
import type { RefusedAnswer } from './refused-answer.js'
import { markAsAuthFailure } from './sdk-marks.js'

/** Names of headers that say what an answer wants. */
const TOLD = ['www-authenticate', 'content-type', 'retry-after'] as const

/** What asking for credentials takes. */
export interface AuthorizationSettings {
  readonly auth: HttpAuth
  readonly serverUrl: URL
  readonly fetch: Fetch
  readonly asked: AskedInTime
  readonly connectTimeoutMs: number
  readonly authTimeoutMs: number
}

/** What the application is asked for when a credential was refused. */
type Slot = 'onUnauthorized' | 'onInsufficientScope'

/** Asks for credentials on behalf of all requests of one client. */
export class Authorization {
  readonly #settings: AuthorizationSettings
  /** Grows whenever a new credential may be had. */
  generation = 0
  /** What `generation` was when more rights were last granted. */
  #widened = 0
  #underWay: { readonly slot: Slot; readonly done: Promise<void> } | undefined

  constructor(settings: AuthorizationSettings) {
    this.#settings = settings
  }

  /** Settles when the application has been asked for another credential, while it is. */
  get asking(): Promise<void> | undefined {
    return this.#underWay?.done
  }

  /** The credential to send. Rejects with what the application threw, or `CALLBACK_FAILED` where it takes too long. */
  async token(): Promise<string | undefined> {
    const { auth, asked, connectTimeoutMs: timeoutMs } = this.#settings
    try {
      const token = auth.token()
      if (!isPromised(token)) return token ?? undefined
      return (await asked.wait(token, { slot: 'token', option: 'connectTimeoutMs', timeoutMs })) ?? undefined
    } catch (error) {
      throw markAsAuthFailure(error)
    }
  }

  /**
   * Gets another credential where that can be done, and says whether it was: `generation` is what it was when the
   * refused request was sent. All who were refused meanwhile share one attempt; what answers a 401 need not grant
   * more than before, while what grants more is another credential, too.
   */
  async renew(answer: RefusedAnswer, generation: number): Promise<boolean> {
    const slot = answer.status === 401 ? 'onUnauthorized' : 'onInsufficientScope'
    if (!this.#settings.auth[slot]) return false
    const wantsMore = slot === 'onInsufficientScope'
    while (wantsMore && this.#underWay?.slot === 'onUnauthorized') await this.#underWay.done.catch(ignore)
    if (generation >= (wantsMore ? this.#widened : this.generation)) {
      this.#underWay ??= { slot, done: this.#ask(slot, answer).finally(() => (this.#underWay = undefined)) }
      await this.#underWay.done
    }
    return true
  }

  async #ask(slot: Slot, answer: RefusedAnswer): Promise<void> {
    const { auth, serverUrl, fetch: fetchFn, asked, authTimeoutMs: timeoutMs } = this.#settings
    try {
      const done = auth[slot]?.({ response: responseOf(answer), serverUrl: new URL(serverUrl), fetchFn })
      if (isPromised(done)) await asked.wait(done, { slot, option: 'authTimeoutMs', timeoutMs })
    } catch (error) {
      throw markAsAuthFailure(error)
    }
    this.generation++
    if (slot === 'onInsufficientScope') this.#widened = this.generation
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
    if (value !== undefined) headers.set(name, asByteString(value))
  }
  return new Response(text, { status, statusText: asByteString(statusText), headers })
}

/** The text as a `Response` takes it, whatever bytes a server sent: what it cannot hold is left out. */
function asByteString(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')
}

function ignore(): void {}
