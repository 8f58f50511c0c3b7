import type {
  Admission,
  AuthInfo,
  ByteBudget,
  EventStore,
  JsonRpcNotification,
  Listener,
} from '@mcpwire/core'
import {
  type Acceptor,
  type AcceptorSink,
  type AdmissionOutcome,
  admit,
  attempt,
  callbackFailed,
  concealAuthInfo,
  deferred,
  guarded,
  ignore,
  toError,
} from '@mcpwire/core/authoring'
import type { EndpointSettings } from './request/endpoint-options.js'
import {
  headerLines,
  invalidRequest,
  methodNotAllowed,
  respondUnavailable,
  respondWithError,
  respondWithHook,
} from './request/http-errors.js'
import type { Caller, HeaderLines, HttpExchange, Routes } from './request/http-exchange.js'
import { SessionRegistry } from './request/session-registry.js'
import { storeFailure, withStoreTimeout } from './responses/event-store-timeout.js'
import { Router } from './router.js'
import { SseRoutes } from './sessions/sse-routes.js'
import type { NotifyOptions } from './stateless/listen-feed.js'

/** A hook that has not responded in time. */
const LATE = Symbol('late')

/** A listener for MCP over HTTP. */
export interface HttpListener extends Listener {
  /**
   * Notifies the clients of 2026-07-28 that subscribed to a change. Applies to `modern: 'per-request'`, where the
   * endpoint itself serves subscriptions. Takes `notifications/{tools,prompts,resources}/list_changed` and
   * `notifications/resources/updated`. Resolves once the streams have accepted it. Bound, never rejects.
   */
  readonly notify: (notification: JsonRpcNotification, options?: NotifyOptions) => Promise<void>
}

/** Serves MCP for any host: hooks, gate, principal, and then the routes of the path. */
export class Endpoint {
  readonly #settings: EndpointSettings
  readonly #path: string | undefined
  readonly #eventStore: EventStore | undefined
  readonly #registry: SessionRegistry
  readonly #router: Router
  readonly #sseRoutes: SseRoutes | undefined
  /** Aborted when no new session is admitted. */
  readonly #closing = new AbortController()
  /** What the event store holds of the budget. */
  #storeShare: Disposable | undefined
  /** Aborted when no session is left. */
  readonly #closed = new AbortController()

  /**
   * Without `path`, every path that the host passes on is the endpoint.
   *
   * @param nextTurn calls back in another turn of the event loop
   */
  constructor(given: EndpointSettings, nextTurn: (run: () => void) => void, path?: string) {
    const settings = { ...given, eventStore: withStoreTimeout(given.eventStore, given) }
    this.#settings = settings
    this.#eventStore = given.eventStore
    this.#path = path
    this.#registry = new SessionRegistry(settings, nextTurn)
    this.#router = new Router(this.#registry)
    this.#sseRoutes = settings.httpSse && new SseRoutes(this.#registry, settings.httpSse)
  }

  /** The bytes that all connections of the listener may hold together. Set by `open`. */
  get budget(): ByteBudget | undefined {
    return this.#registry.budget
  }

  open(sink: AcceptorSink): void {
    this.#registry.open(sink)
    this.#guardStore(() => {
      this.#storeShare = this.#eventStore?.useBudget?.(sink.budget)
    })
  }

  /**
   * Admits no new sessions. Open ones continue until the listener closes them, as their requests in flight may need
   * further HTTP requests. Then `onEmpty` is called, once.
   */
  close(onEmpty: () => void): void {
    this.#closing.abort()
    this.#router.close()
    this.#registry.close(() => {
      this.#closed.abort()
      this.#guardStore(() => this.#storeShare?.[Symbol.dispose]())
      onEmpty()
    })
  }

  /** Notifies the subscriptions that the endpoint itself serves. */
  readonly notify = (notification: JsonRpcNotification, options?: NotifyOptions): Promise<void> =>
    this.#router.notify(notification, options)

  /** Handles one request. Never throws. */
  handle(exchange: HttpExchange): void {
    this.#guard(exchange, () => {
      const { hooks } = this.#settings
      const refusal = this.#registry.resolve(exchange)
      const { handshake, method } = exchange
      if (hooks?.responseHeaders)
        exchange.extraHeaders = this.#called('hooks.responseHeaders', () =>
          headerLines(hooks.responseHeaders?.(handshake) ?? []),
        )
      const fault = exchange.checkFraming?.()
      if (refusal) this.#registry.refuse(exchange, refusal)
      else if (fault) respondWithError(exchange, invalidRequest(fault.status, fault.reason))
      else if (method === 'OPTIONS') this.#preflight(exchange)
      else if (this.#hasHook(handshake.path)) void this.#runHook(exchange, handshake.path)
      else this.#serve(exchange)
    })
  }

  #serve(exchange: HttpExchange): void {
    const routes = this.#routesAt(exchange.handshake.path)
    if (!routes) respondWithError(exchange, invalidRequest(404, 'no endpoint has this path'))
    else if (!this.#registry.isOpen) respondUnavailable(exchange, 'the server has not started')
    else if (routes.mayOpen(exchange) && this.#registry.hasNoRoom) this.#registry.refuseFull(exchange)
    else void this.#admit(exchange, routes)
  }

  #routesAt(path: string | undefined): Routes | undefined {
    const sse = this.#sseRoutes?.at(path)
    if (sse) return sse
    return this.#path === undefined || path === this.#path ? this.#router : undefined
  }

  async #admit(exchange: HttpExchange, routes: Routes): Promise<void> {
    const { gate, gateTimeoutMs, clock } = this.#settings
    const mayOpen = routes.mayOpen(exchange)
    const { signal } = mayOpen ? this.#closing : this.#closed
    // A callback, so that the exchange detects a disconnect during the gate.
    exchange.whenDisconnected(ignore)
    if (mayOpen) this.#registry.pendingAdmissions++
    let outcome: AdmissionOutcome
    try {
      outcome = await admit(exchange.handshake, { gate, gateTimeoutMs, clock }, signal)
    } finally {
      if (mayOpen) this.#registry.pendingAdmissions--
    }
    if (exchange.isDisconnected) return
    this.#guard(exchange, () => {
      if (outcome.admitted) this.#admitted(exchange, routes, outcome.admission)
      else {
        if (outcome.error) this.#registry.report(outcome.error)
        this.#registry.refuse(exchange, outcome.refusal)
      }
    })
  }

  #admitted(exchange: HttpExchange, { methods }: Routes, admission: Admission): void {
    let caller: Caller
    try {
      caller = callerOf(admission, this.#settings.principal)
    } catch (error) {
      this.#registry.report(toError(error))
      const reason = 'the server could not identify the caller'
      this.#registry.refuse(exchange, { admit: false, status: 503, reason })
      return
    }
    if (caller.authInfo && exchange.claimConnection?.(caller.owner) === false) {
      const reason = 'too many connections of this principal'
      this.#registry.refuse(exchange, { admit: false, status: 429, reason }, 'maxSocketsPerPrincipal')
      return
    }
    const { method } = exchange
    const route = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (route) route(exchange, caller)
    else respondWithError(exchange, methodNotAllowed(method, [...Object.keys(methods), 'OPTIONS']))
  }

  #preflight(exchange: HttpExchange): void {
    const response = this.#called('hooks.preflight', () =>
      this.#settings.hooks?.preflight?.(exchange.handshake),
    )
    if (response) respondWithHook(exchange, response)
    else {
      const allowed = [...Object.keys(this.#router.methods), 'OPTIONS']
      respondWithError(exchange, methodNotAllowed(exchange.method, allowed))
    }
  }

  #hasHook(path: string | undefined): path is string {
    const { routes } = this.#settings.hooks ?? {}
    return path !== undefined && routes !== undefined && Object.hasOwn(routes, path)
  }

  async #runHook(exchange: HttpExchange, path: string): Promise<void> {
    const hook = `hooks.routes["${path}"]`
    try {
      const response = await this.#inTime(() =>
        this.#settings.hooks?.routes?.[path]?.(exchange.handshake),
      ).catch((cause: unknown) => {
        throw callbackFailed(hook, cause)
      })
      if (response === LATE) {
        const { gateTimeoutMs } = this.#settings
        const late = new Error(`it did not respond within gateTimeoutMs (${gateTimeoutMs} ms)`)
        this.#registry.report(callbackFailed(hook, late))
        respondUnavailable(exchange, 'the route did not respond in time')
      } else if (response) respondWithHook(exchange, response)
      else throw new Error(`the route ${path} returned no response`)
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  /** The result of a hook, or `LATE` where it takes longer than a gate may. */
  async #inTime<T>(call: () => T | Promise<T>): Promise<T | typeof LATE> {
    const { clock, gateTimeoutMs } = this.#settings
    const late = deferred<typeof LATE>()
    const deadline = clock.deadline(gateTimeoutMs, () => late.resolve(LATE))
    try {
      return await Promise.race([attempt(call), late.promise])
    } finally {
      deadline[Symbol.dispose]()
    }
  }

  /** The result of a hook. Its error names the hook. */
  #called<T>(hook: string, call: () => T): T {
    try {
      return call()
    } catch (cause) {
      throw callbackFailed(hook, cause)
    }
  }

  #guard(exchange: HttpExchange, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #guardStore(call: () => void): void {
    guarded(call, (error) => this.#registry.report(storeFailure('useBudget', error)))
  }

  #failed(exchange: HttpExchange, cause: unknown): void {
    this.#registry.report(toError(cause))
    exchange.fail()
  }
}

/** The acceptor of an endpoint within another server. It binds nothing, and its end leaves that server open. */
export function mountAcceptor(endpoint: Endpoint, address: string, onEmpty: () => void): Acceptor {
  return {
    bindsBeyondThisHost: false,
    listen: async (sink) => {
      endpoint.open(sink)
      return { address, close: async () => endpoint.close(onEmpty) }
    },
  }
}

/** The headers of a response and the extra ones, each name once. Those of the response win. */
export function mergeHeaders(own: HeaderLines, extra: HeaderLines): string[] {
  const lines = [...own]
  for (let at = 0; at + 1 < extra.length; at += 2) {
    const [name = '', value = ''] = [extra[at], extra[at + 1]]
    if (!hasName(own, name)) lines.push(name, value)
  }
  return lines
}

function hasName(lines: HeaderLines, name: string): boolean {
  const wanted = name.toLowerCase()
  for (let at = 0; at < lines.length; at += 2) if (lines[at]?.toLowerCase() === wanted) return true
  return false
}

const ANONYMOUS = ''

/** Callers for which it returns the same text are one principal. */
type PrincipalOf = (authInfo: AuthInfo) => string

/**
 * Identifies the caller from its admission.
 *
 * @throws TransportError `CALLBACK_FAILED` where `principalOf` throws or returns no string
 */
function callerOf(admission: Admission, principalOf?: PrincipalOf): Caller {
  const { authInfo } = admission
  if (authInfo === undefined)
    return { admission, authInfo: undefined, principal: ANONYMOUS, owner: ANONYMOUS }
  if (!principalOf) return new AuthenticatedCaller(admission, authInfo)
  const principal = callPrincipal(authInfo, principalOf)
  return { admission, authInfo: concealAuthInfo(authInfo), principal, owner: principal }
}

/** Computes the two texts when they are read, as a request needs one of them. */
class AuthenticatedCaller implements Caller {
  readonly admission: Admission
  readonly authInfo: AuthInfo
  #principal: string | undefined
  #owner: string | undefined

  constructor(admission: Admission, authInfo: AuthInfo) {
    this.admission = admission
    this.authInfo = concealAuthInfo(authInfo)
  }

  get principal(): string {
    this.#principal ??= clientUserAndRights(this.authInfo)
    return this.#principal
  }

  get owner(): string {
    const { clientId, extra } = this.authInfo
    this.#owner ??= JSON.stringify([clientId, userIn(extra)])
    return this.#owner
  }
}

function clientUserAndRights({ clientId, scopes, resource, extra, token }: AuthInfo): string {
  const user = userIn(extra)
  // Without a user, two tokens may be those of two users.
  const identity = user === '' ? { token } : { user }
  return JSON.stringify([clientId, identity, sorted(scopes), resource?.href ?? resource])
}

function userIn(extra: AuthInfo['extra']): unknown {
  return extra?.['sub'] ?? extra?.['subject'] ?? ''
}

function sorted(scopes: readonly string[] = []): readonly string[] {
  for (let at = 1; at < scopes.length; at++) {
    // Most lists are in order already, and sorting is the expensive part.
    if ((scopes[at - 1] as string) >= (scopes[at] as string)) return [...new Set(scopes)].sort()
  }
  return scopes
}

function callPrincipal(authInfo: AuthInfo, principalOf: PrincipalOf): string {
  try {
    const principal: unknown = principalOf(authInfo)
    // The prefix keeps an empty text apart from callers without authInfo.
    if (typeof principal === 'string') return `=${principal}`
    throw new Error('it returned no string')
  } catch (cause) {
    throw callbackFailed('principal', cause, 'a caller was refused because principal()')
  }
}
