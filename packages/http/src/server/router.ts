import type { JsonRpcMessage, JsonRpcNotification } from '@mcpwire/core'
import { VERSION_HEADER } from '../headers/standard-headers.js'
import { INVALID_REQUEST, UNSUPPORTED_VERSION } from '../shared/error-codes.js'
import { answerFailure, type HttpFailure } from './request/http-errors.js'
import type { Exchange } from './request/http-exchange.js'
import { invalid, isInitialize } from './request/posted-messages.js'
import type { Caller } from './request/principal.js'
import type { Routes } from './request/routes.js'
import { SESSION_HEADER } from './request/session-id.js'
import type { SessionRegistry } from './request/session-registry.js'
import { type Arrived, SessionRoutes } from './sessions/session-routes.js'
import type { NotifyOptions } from './stateless/listen-feed.js'
import { ModernEndpoint } from './stateless/modern-endpoint.js'
import { claimsRevision, isModern, modernRevisions, namesModernRevision } from './stateless/modern-era.js'

/** The endpoint of Streamable HTTP in every revision: each request is told to the era it belongs to. */
export class EraRoutes implements Routes {
  readonly methods: Routes['methods']
  readonly #sessions: SessionRoutes
  readonly #modern: ModernEndpoint | undefined
  readonly #hasLegacy: boolean

  constructor(reception: SessionRegistry) {
    const { modern, legacy } = reception.settings
    this.#hasLegacy = legacy
    this.#modern = modern === 'off' ? undefined : new ModernEndpoint(reception)
    this.#sessions = new SessionRoutes(reception, (exchange, caller, arrived) =>
      this.#took(exchange, caller, arrived),
    )
    const { methods } = this.#sessions
    this.methods = legacy
      ? { ...methods, GET: this.#inSessions(methods['GET']), DELETE: this.#inSessions(methods['DELETE']) }
      : { POST: (exchange, caller) => methods['POST']?.(exchange, caller) }
  }

  mayOpen(exchange: Exchange): boolean {
    return this.#sessions.mayOpen(exchange) && !this.#isModernOnly(exchange)
  }

  /** Tells the subscriptions that the endpoint itself serves of a change. */
  notify(notification: JsonRpcNotification, options?: NotifyOptions): Promise<void> {
    return this.#modern?.notify(notification, options) ?? Promise.resolve()
  }

  /** Ends the subscriptions that the endpoint itself serves. */
  close(): void {
    this.#modern?.close()
  }

  /** Whether it is for the era without sessions, which then has taken it. */
  #took(exchange: Exchange, caller: Caller, { posted, format }: Arrived): boolean {
    const { headers } = exchange.handshake
    const [message] = posted.messages
    if (!this.#modern || !message) return false
    if (this.#hasLegacy && !posted.messages.some((each) => isModern(each, (name) => headers[name])))
      return false
    if (posted.isBatch) answerFailure(exchange, invalid(400, 'a batch, and the revision has none'))
    else if (isInitialize(message) && !claimsRevision(message))
      answerFailure(exchange, withoutSessions(exchange, message))
    else this.#modern.take(exchange, caller, { message, format })
    return true
  }

  /** What has a meaning in sessions only. */
  #inSessions(route: Routes['methods'][string] | undefined): (exchange: Exchange, caller: Caller) => void {
    return (exchange, caller) => {
      if (!this.#isModernOnly(exchange)) route?.(exchange, caller)
      else {
        const message = `Invalid request: ${exchange.method} is not supported by this revision`
        answerFailure(exchange, { status: 405, code: INVALID_REQUEST, message, headers: ['allow', 'POST'] })
      }
    }
  }

  #isModernOnly({ handshake: { headers } }: Exchange): boolean {
    if (!this.#modern || headers[SESSION_HEADER] !== undefined) return false
    return namesModernRevision((name) => headers[name])
  }
}

/** Tells one who wants a session which revisions there are (VER-S-09). */
function withoutSessions({ handshake }: Exchange, message: JsonRpcMessage): HttpFailure {
  const asked = 'params' in message ? message.params?.['protocolVersion'] : undefined
  const requested = typeof asked === 'string' ? asked : (handshake.headers[VERSION_HEADER] ?? 'unknown')
  return {
    status: 400,
    code: UNSUPPORTED_VERSION,
    message: 'Unsupported protocol version',
    data: { supported: modernRevisions, requested },
    id: 'id' in message ? message.id : undefined,
  }
}
