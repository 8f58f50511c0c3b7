import type { AuthInfo, MessageContext } from '@mcpwire/core'
import type { Exchange } from './http-exchange.js'

// Classes, as one of each is there for each request: what they tell is built only when somebody reads it.

/** What travels with the messages of one HTTP request. */
export class HttpContext implements MessageContext {
  declare authInfo?: AuthInfo
  declare closeSSEStream?: () => void
  declare closeStandaloneSSEStream?: () => void
  readonly requestInfo: RequestInfo
  readonly #exchange: Exchange

  constructor(exchange: Exchange, authInfo: AuthInfo | undefined) {
    this.#exchange = exchange
    this.requestInfo = new RequestInfo(exchange)
    if (authInfo !== undefined) this.authInfo = authInfo
  }

  get request(): Request {
    return this.#exchange.request
  }
}

class RequestInfo {
  readonly headers: Record<string, string>
  readonly #exchange: Exchange

  constructor(exchange: Exchange) {
    this.#exchange = exchange
    this.headers = exchange.handshake.headers
  }

  get url(): URL {
    return this.#exchange.url
  }
}
