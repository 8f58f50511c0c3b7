import type { Fetch } from '../../engines/engine-settings.js'

/** What a server said that wants another credential, and what getting one takes. */
export interface HttpAuthContext {
  /** The answer: its status, its text and the challenge in `WWW-Authenticate`. */
  readonly response: Response
  /** The URL of the server. */
  readonly serverUrl: URL
  /** For the requests that authorizing takes: the `fetch` of the client where it was given one, else the platform's. */
  readonly fetchFn: Fetch
}

/**
 * Where the bearer tokens of a client come from. The `AuthProvider` of the v2 SDK fits. What any of these throws is
 * what the `send()` concerned rejects with, as it is; what does not settle in time is `CALLBACK_FAILED`.
 */
export interface HttpAuth {
  /** The current token, if there is one. Asked before every request, and awaited for `connectTimeoutMs`. */
  token(): Promise<string | undefined> | string | undefined
  /**
   * Called when the server answers with status 401, once for all requests that are refused meanwhile. When it
   * resolves, `token()` yields a better token and each of them is sent once more; a second 401 rejects with
   * `AUTH_REQUIRED`. It may take `authTimeoutMs`.
   */
  onUnauthorized?(context: HttpAuthContext): Promise<void>
  /**
   * Called when the server answers with status 403 because the token grants too little (`insufficient_scope`), as
   * `onUnauthorized` is.
   */
  onInsufficientScope?(context: HttpAuthContext): Promise<void>
}
