import type { Admission, Gate, JsonRpcNotification } from '@mcpwire/core'
import { type AcceptorSink, type AdmissionOutcome, admit, toError } from '@mcpwire/core/authoring'
import { INVALID_REQUEST } from '../shared/error-codes.js'
import type { EndpointSettings } from './request/endpoint-options.js'
import { answerHook, linesOf } from './request/hook-response.js'
import { answerFailure, answerRefusal } from './request/http-errors.js'
import type { Exchange } from './request/http-exchange.js'
import { invalid } from './request/posted-messages.js'
import { type Caller, callerOf } from './request/principal.js'
import type { Routes } from './request/routes.js'
import { refuseBusy, SessionRegistry } from './request/session-registry.js'
import { timelyStore } from './responses/event-store-timeout.js'
import { EraRoutes } from './router.js'
import { SseRoutes } from './sessions/sse-routes.js'
import type { NotifyOptions } from './stateless/listen-feed.js'

/** Serves MCP to whatever front end brings requests to it. */
export class Endpoint {
  readonly #settings: EndpointSettings
  readonly #path: string | undefined
  readonly #reception: SessionRegistry
  readonly #mainRoutes: EraRoutes
  readonly #sseRoutes: SseRoutes | undefined
  /** Aborted when nobody new is admitted any more. */
  readonly #shut = new AbortController()
  /** Aborted when nobody is left either. */
  readonly #gone = new AbortController()

  /** Serves at one path of its own, or at whatever path requests are brought from. */
  constructor(given: EndpointSettings, path?: string) {
    const settings = { ...given, eventStore: timelyStore(given.eventStore, given) }
    this.#settings = settings
    this.#path = path
    this.#reception = new SessionRegistry(settings)
    this.#mainRoutes = new EraRoutes(this.#reception)
    this.#sseRoutes = settings.httpSse && new SseRoutes(this.#reception, settings.httpSse)
  }

  /** The gate for the listener: it repeats what was decided about the request that opens a session. */
  get gate(): Gate | undefined {
    return this.#reception.gate
  }

  open(door: AcceptorSink): void {
    this.#reception.open(door)
  }

  /**
   * Admits nobody new any more. Sessions go on until the listener closes them, and may need more requests for what they
   * have in flight; then `emptied` is called, once.
   */
  close(emptied: () => void): void {
    this.#shut.abort()
    this.#mainRoutes.close()
    this.#reception.close(() => {
      this.#gone.abort()
      emptied()
    })
  }

  /** Tells the subscriptions that the endpoint itself serves of a change. */
  readonly notify = (notification: JsonRpcNotification, options?: NotifyOptions): Promise<void> =>
    this.#mainRoutes.notify(notification, options)

  /** Answers one request. */
  handle(exchange: Exchange): void {
    this.#guarded(exchange, () => {
      const { hooks } = this.#settings
      const { handshake, method } = exchange
      if (hooks?.responseHeaders) exchange.extraHeaders = linesOf(hooks.responseHeaders(handshake))
      if (method === 'OPTIONS') this.#preflight(exchange)
      else if (this.#hasHook(handshake.path)) void this.#runHook(exchange, handshake.path)
      else this.#serve(exchange)
    })
  }

  #serve(exchange: Exchange): void {
    const routes = this.#routesAt(exchange.handshake.path)
    if (!routes) answerFailure(exchange, invalid(404, 'there is nothing here'))
    else if (!this.#reception.isOpen) refuseBusy(exchange, 'the server does not serve yet')
    else if (routes.mayOpen(exchange) && this.#reception.isFull) this.#reception.refuseFull(exchange)
    else void this.#ask(exchange, routes)
  }

  #routesAt(path: string | undefined): Routes | undefined {
    const sse = this.#sseRoutes?.at(path)
    if (sse) return sse
    return this.#path === undefined || path === this.#path ? this.#mainRoutes : undefined
  }

  async #ask(exchange: Exchange, routes: Routes): Promise<void> {
    const { gate, gateTimeoutMs, clock } = this.#settings
    const mayOpen = routes.mayOpen(exchange)
    const { signal } = mayOpen ? this.#shut : this.#gone
    // Who leaves while the gate decides is to be noticed.
    exchange.whenLeft(ignore)
    if (mayOpen) this.#reception.waiting++
    let outcome: AdmissionOutcome
    try {
      outcome = await admit(exchange.handshake, { gate, gateTimeoutMs, clock }, signal)
    } finally {
      if (mayOpen) this.#reception.waiting--
    }
    if (exchange.hasLeft) return
    this.#guarded(exchange, () => {
      if (outcome.admitted) this.#admitted(exchange, routes, outcome.admission)
      else {
        if (outcome.error) this.#reception.report(outcome.error)
        answerRefusal(exchange, outcome.refusal)
      }
    })
  }

  #admitted(exchange: Exchange, routes: Routes, admission: Admission): void {
    let caller: Caller
    try {
      caller = callerOf(admission, this.#settings.principal)
    } catch (error) {
      this.#reception.report(toError(error))
      refuseBusy(exchange, 'the server could not tell who the caller is')
      return
    }
    this.#dispatch(exchange, routes, caller)
  }

  #dispatch(exchange: Exchange, { methods }: Routes, caller: Caller): void {
    const { method } = exchange
    const route = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (route) this.#guarded(exchange, () => route(exchange, caller))
    else notAllowed(exchange, Object.keys(methods))
  }

  #preflight(exchange: Exchange): void {
    const answer = this.#settings.hooks?.preflight?.(exchange.handshake)
    if (answer) answerHook(exchange, answer)
    else notAllowed(exchange, Object.keys(this.#mainRoutes.methods))
  }

  #hasHook(path: string | undefined): path is string {
    const { routes } = this.#settings.hooks ?? {}
    return path !== undefined && routes !== undefined && Object.hasOwn(routes, path)
  }

  async #runHook(exchange: Exchange, path: string): Promise<void> {
    try {
      const answer = await this.#settings.hooks?.routes?.[path]?.(exchange.handshake)
      if (!answer) throw new Error(`the route ${path} has no answer`)
      answerHook(exchange, answer)
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #guarded(exchange: Exchange, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #failed(exchange: Exchange, cause: unknown): void {
    this.#reception.report(toError(cause))
    exchange.fail()
  }
}

function notAllowed(exchange: Exchange, allowed: readonly string[]): void {
  const message = `Invalid request: ${exchange.method} is not supported`
  const headers = ['allow', [...allowed, 'OPTIONS'].join(', ')]
  answerFailure(exchange, { status: 405, code: INVALID_REQUEST, message, headers })
}

function ignore(): void {}
