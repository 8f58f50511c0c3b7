import type { AuthInfo, JsonRpcNotification, JsonRpcRequest } from '@mcpwire/core'
import { callbackFailed, toError } from '@mcpwire/core/authoring'
import { INVALID_PARAMS } from '../../shared/error-codes.js'
import type { ModernCall } from './modern-call.js'

const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId'
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const UPDATED = 'notifications/resources/updated'
/** The changes a client can ask to hear of, by the notification that tells of them. */
const SWITCHES: Readonly<Record<string, string>> = {
  'notifications/tools/list_changed': 'toolsListChanged',
  'notifications/prompts/list_changed': 'promptsListChanged',
  'notifications/resources/list_changed': 'resourcesListChanged',
}
const MAX_SUBSCRIPTIONS = 10_000
/** Of one subscription. They are held for as long as it lasts. */
const MAX_RESOURCES = 1_000

/** Who is to hear of a change. */
export interface NotifyOptions {
  /**
   * Whether one hears of it who is that, or nobody in particular where the gate does not say.
   * @defaultValue undefined
   */
  to?: ((authInfo: AuthInfo | undefined) => boolean) | undefined
}

/** What one client wants to hear of. */
interface Filter {
  readonly switches: ReadonlySet<string>
  readonly uris: ReadonlySet<string>
}

/** The subscriptions of an endpoint whose application lives for one request at a time, and so cannot serve them. */
export class ListenFeed {
  readonly #filters = new Map<ModernCall, Filter>()
  readonly #report: (error: Error) => void
  #isClosed = false

  constructor(report: (error: Error) => void) {
    this.#report = report
  }

  /** Opens a subscription: acknowledges what the client will hear of. */
  open(call: ModernCall, { id, params }: JsonRpcRequest): void {
    const wanted = params?.['notifications']
    // It may have been asked for before that, with a body that was long on its way.
    if (this.#isClosed) call.refuse({ admit: false, status: 503, reason: 'the server is shutting down' })
    else if (typeof wanted !== 'object' || wanted === null) {
      const error = { code: INVALID_PARAMS, message: 'Invalid params: "notifications" is required' }
      call.respond({ jsonrpc: '2.0', id, error }).catch(ignore)
    } else if (countOf(wanted) > MAX_RESOURCES) {
      const message = `Invalid params: "resourceSubscriptions" names more than ${MAX_RESOURCES} resources`
      call.respond({ jsonrpc: '2.0', id, error: { code: INVALID_PARAMS, message } }).catch(ignore)
    } else if (this.#filters.size >= MAX_SUBSCRIPTIONS) {
      call.refuse({ admit: false, status: 503, reason: 'too many subscriptions are open' })
    } else {
      const filter = filterOf(wanted as Record<string, unknown>)
      this.#filters.set(call, filter)
      call.await(() => this.#filters.delete(call))
      const notifications = honoured(filter)
      void this.#tell(call, { jsonrpc: '2.0', method: ACKNOWLEDGED, params: { notifications } })
    }
  }

  /** Tells those who asked to hear of it. Resolves once their streams have taken it, or they left. */
  async notify(notification: JsonRpcNotification, { to }: NotifyOptions = {}): Promise<void> {
    const told: Promise<void>[] = []
    try {
      for (const [call, filter] of this.#filters) {
        if (accepts(filter, notification) && (to?.(call.caller.authInfo) ?? true))
          told.push(this.#tell(call, notification))
      }
    } catch (cause) {
      this.#report(callbackFailed('to', cause, 'to() of notify()'))
    }
    await Promise.all(told)
  }

  /** Ends every subscription in order. */
  async close(): Promise<void> {
    this.#isClosed = true
    const calls = [...this.#filters.keys()]
    this.#filters.clear()
    await Promise.all(calls.map((call) => call.abandon().catch(ignore)))
  }

  /** What one does not read fast enough, or left before, is lost to it alone. Never rejects. */
  async #tell(call: ModernCall, notification: JsonRpcNotification): Promise<void> {
    let told: Promise<void>
    try {
      told = call.notify(tagged(call, notification))
    } catch (error) {
      // It has no text, or one that is too long.
      this.#report(toError(error))
      return
    }
    await told.catch(ignore)
  }
}

function countOf(wanted: object): number {
  const { resourceSubscriptions } = wanted as { resourceSubscriptions?: unknown }
  return Array.isArray(resourceSubscriptions) ? resourceSubscriptions.length : 0
}

function filterOf(wanted: Record<string, unknown>): Filter {
  const uris = wanted['resourceSubscriptions']
  const texts = Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
  return {
    switches: new Set(Object.values(SWITCHES).filter((name) => wanted[name] === true)),
    uris: new Set(texts),
  }
}

function honoured({ switches, uris }: Filter): Record<string, unknown> {
  const named = Object.fromEntries([...switches].map((name) => [name, true]))
  return uris.size > 0 ? { ...named, resourceSubscriptions: [...uris] } : named
}

function accepts({ switches, uris }: Filter, { method, params }: JsonRpcNotification): boolean {
  if (method === UPDATED) return uris.has(String(params?.['uri']))
  return Object.hasOwn(SWITCHES, method) && switches.has(SWITCHES[method] ?? '')
}

/** The notification as one of that subscription. */
function tagged(call: ModernCall, { method, params }: JsonRpcNotification): JsonRpcNotification {
  const _meta = { ...params?._meta, [SUBSCRIPTION_KEY]: call.id }
  return { jsonrpc: '2.0', method, params: { ...params, _meta } }
}

function ignore(): void {}
