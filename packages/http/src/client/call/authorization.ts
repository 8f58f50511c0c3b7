import { isTransportError } from '@mcpwire/core'
import { callbackFailed, invalidHeaderReason, isThenable } from '@mcpwire/core/authoring'
import type { Fetch } from '../../engines/engine.js'
import type { CallbackTimeouts } from './callbacks.js'
import { markAsFinal, type RefusedResponse } from './response-errors.js'

/** A response that requires another credential, and the means to get one. */
export interface HttpAuthContext {
  /** The response: its status, its text and the challenge in `WWW-Authenticate`. */
  readonly response: Response
  /** The URL of the server. */
  readonly serverUrl: URL
  /** For the requests of the authorization: option `fetch` of the client, else the platform's `fetch`. */
  readonly fetchFn: Fetch
}

/**
 * The source of a client's bearer tokens. The `AuthProvider` of the v2 SDK fits. `send()` rejects with `CALLBACK_FAILED`
 * where one of these functions throws, or does not settle in time: the thrown error is its `cause`. A `TransportError`
 * and the `UnauthorizedError` of an SDK are the reason themselves.
 */
export interface HttpAuth {
  /**
   * The current token; an empty one counts as none. Called before every request, with a limit of `connectTimeoutMs`.
   * `send()` rejects with `CALLBACK_FAILED` if a header cannot carry it.
   */
  token(): Promise<string | undefined> | string | undefined
  /**
   * Called when the server responds with status 401, once for all requests that are refused meanwhile. Each of them
   * is sent once more when it resolves. A second 401 rejects with `AUTH_REQUIRED`. Its limit is `authTimeoutMs`.
   */
  onUnauthorized?(context: HttpAuthContext): Promise<void>
  /**
   * Called when the server responds with status 403 because the token lacks a scope (`insufficient_scope`). The same
   * rules apply as for `onUnauthorized`.
   */
  onInsufficientScope?(context: HttpAuthContext): Promise<void>
}

/** Headers of the refusal that `auth` receives. */
const PASSED_HEADERS = ['www-authenticate', 'content-type', 'retry-after'] as const

/** Settings of an `Authorization`. */
export interface AuthorizationSettings {
  readonly auth: HttpAuth
  readonly serverUrl: URL
  readonly fetch: Fetch
  readonly callbacks: CallbackTimeouts
  readonly connectTimeoutMs: number
  readonly authTimeoutMs: number
}

type Slot = 'onUnauthorized' | 'onInsufficientScope'

/** Gets credentials from `auth` for all requests of one client. */
export class Authorization {
  readonly #settings: AuthorizationSettings
  /** Grows with each new credential. */
  generation = 0
  /** The value of `generation` when the scope last grew. */
  #scopeGeneration = 0
  #renewal: { readonly slot: Slot; readonly done: Promise<void> } | undefined

  constructor(settings: AuthorizationSettings) {
    this.#settings = settings
  }

  /** Settles with the current renewal of the credential, if there is one. */
  get renewing(): Promise<void> | undefined {
    return this.#renewal?.done
  }

  /** The credential to send. Rejects with the error of `token()`, or `CALLBACK_FAILED` if it is late or invalid. */
  async token(): Promise<string | undefined> {
    const { auth, callbacks, connectTimeoutMs: timeoutMs } = this.#settings
    try {
      const given = auth.token()
      if (!isThenable(given)) return checkToken(given)
      const limit = { slot: 'token', option: 'connectTimeoutMs', timeoutMs }
      return checkToken(await callbacks.wait(given, limit))
    } catch (error) {
      throw this.#failure('token', 'get the token', error)
    }
  }

  /**
   * Gets another credential. Returns whether `auth` can. `generation` is its value when the refused request was sent.
   * Requests that are refused meanwhile share one renewal. A renewal after 401 may keep the old scope, so a request
   * that lacks a scope waits for it and then starts its own.
   */
  async renew(response: RefusedResponse, generation: number): Promise<boolean> {
    const slot = response.status === 401 ? 'onUnauthorized' : 'onInsufficientScope'
    if (!this.#settings.auth[slot]) return false
    const needsScope = slot === 'onInsufficientScope'
    while (needsScope && this.#renewal?.slot === 'onUnauthorized') await this.#renewal.done.catch(() => {})
    if (generation >= (needsScope ? this.#scopeGeneration : this.generation)) {
      this.#renewal ??= { slot, done: this.#call(slot, response).finally(() => (this.#renewal = undefined)) }
      await this.#renewal.done
    }
    return true
  }

  async #call(slot: Slot, response: RefusedResponse): Promise<void> {
    const { auth, serverUrl, fetch: fetchFn, callbacks, authTimeoutMs: timeoutMs } = this.#settings
    try {
      const done = auth[slot]?.({ response: toResponse(response), serverUrl: new URL(serverUrl), fetchFn })
      if (isThenable(done)) await callbacks.wait(done, { slot, option: 'authTimeoutMs', timeoutMs })
    } catch (error) {
      throw this.#failure(slot, 'refresh the token', error)
    }
    this.generation++
    if (slot === 'onInsufficientScope') this.#scopeGeneration = this.generation
  }

  #failure(slot: Slot | 'token', doing: string, error: unknown): unknown {
    if (isTransportError(error) || isUnauthorized(error)) return markAsFinal(error)
    const { origin, pathname } = this.#settings.serverUrl
    const what = `cannot ${doing} for ${origin}${pathname}: your function auth.${slot}()`
    return markAsFinal(callbackFailed(slot, error, what))
  }
}

/** Whether applications of an SDK recognize the error by its class. */
function isUnauthorized(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'UnauthorizedError' || error.constructor.name === 'UnauthorizedError')
  )
}

/** The token, `undefined` where there is none. Shows no value. */
function checkToken(token: string | null | undefined): string | undefined {
  if (token === undefined || token === null || token === '') return undefined
  const reason = invalidHeaderReason('authorization', token)
  if (reason !== undefined) throw callbackFailed('token', new Error(reason), 'auth.token()')
  return token
}

function toResponse({ status, statusText, text, header }: RefusedResponse): Response {
  const headers = new Headers()
  for (const name of PASSED_HEADERS) {
    const value = header(name)
    if (value !== undefined) headers.set(name, toByteString(value))
  }
  return new Response(text, { status, statusText: toByteString(statusText), headers })
}

/** The text without the characters that a `Response` rejects. */
function toByteString(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')
}
