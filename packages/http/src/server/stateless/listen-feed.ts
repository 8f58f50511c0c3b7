import type { AuthInfo, JsonRpcNotification, JsonRpcRequest } from '@mcpwire/core'
import { callbackFailed, ignore, SUBSCRIPTION_KEY, toError } from '@mcpwire/core/authoring'
import { INVALID_PARAMS } from '../../shared/error-codes.js'
import type { StatelessRequest } from './stateless-request.js'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const UPDATED = 'notifications/resources/updated'
/** The filter for each notification. */
const FILTERS: Readonly<Record<string, string>> = {
  'notifications/tools/list_changed': 'toolsListChanged',
  'notifications/prompts/list_changed': 'promptsListChanged',
  'notifications/resources/list_changed': 'resourcesListChanged',
}
const MAX_SUBSCRIPTIONS = 10_000
/** The limit for one subscription. */
const MAX_RESOURCES = 1_000

/** The recipients of a notification. */
export interface NotifyOptions {
  /**
   * Selects the recipients by the `authInfo` of their request, which is `undefined` where the gate gives none.
   * @defaultValue undefined
   */
  to?: ((authInfo: AuthInfo | undefined) => boolean) | undefined
}

/** The changes that one client subscribed to. */
interface Filter {
  readonly lists: ReadonlySet<string>
  readonly uris: ReadonlySet<string>
}

/** The subscriptions of an endpoint with `modern: 'per-request'`, whose applications end with their request. */
export class ListenFeed {
  readonly #filters = new Map<StatelessRequest, Filter>()
  readonly #report: (error: Error) => void
  #isClosed = false

  constructor(report: (error: Error) => void) {
    this.#report = report
  }

  /** Opens a subscription and acknowledges it. */
  open(request: StatelessRequest, { id, params }: JsonRpcRequest): void {
    const wanted = params?.['notifications']
    // Its body may have arrived after close().
    if (this.#isClosed) request.refuse({ admit: false, status: 503, reason: 'the server is shutting down' })
    else if (typeof wanted !== 'object' || wanted === null) {
      const error = { code: INVALID_PARAMS, message: 'Invalid params: "notifications" is required' }
      request.respond({ jsonrpc: '2.0', id, error }).catch(ignore)
    } else if (countOf(wanted) > MAX_RESOURCES) {
      const message = `Invalid params: "resourceSubscriptions" names more than ${MAX_RESOURCES} resources`
      request.respond({ jsonrpc: '2.0', id, error: { code: INVALID_PARAMS, message } }).catch(ignore)
    } else if (this.#filters.size >= MAX_SUBSCRIPTIONS) {
      request.refuse({ admit: false, status: 503, reason: 'too many subscriptions are open' })
    } else {
      const filter = filterOf(wanted as Record<string, unknown>)
      this.#filters.set(request, filter)
      request.await(() => this.#filters.delete(request))
      const notifications = acknowledgedParams(filter)
      void this.#send(request, { jsonrpc: '2.0', method: ACKNOWLEDGED, params: { notifications } })
    }
  }

  /** Notifies matching subscriptions. Resolves once their streams have accepted it, or their clients disconnected. */
  async notify(notification: JsonRpcNotification, { to }: NotifyOptions = {}): Promise<void> {
    const sent: Promise<void>[] = []
    try {
      for (const [request, filter] of this.#filters) {
        if (accepts(filter, notification) && (to?.(request.caller.authInfo) ?? true))
          sent.push(this.#send(request, notification))
      }
    } catch (cause) {
      this.#report(callbackFailed('to', cause, 'to() of notify()'))
    }
    await Promise.all(sent)
  }

  /** Ends every subscription in order. */
  async close(): Promise<void> {
    this.#isClosed = true
    const requests = [...this.#filters.keys()]
    this.#filters.clear()
    await Promise.all(requests.map((request) => request.abandon().catch(ignore)))
  }

  /** If a client is overloaded or has disconnected, it alone misses the notification. Never rejects. */
  async #send(request: StatelessRequest, notification: JsonRpcNotification): Promise<void> {
    let sent: Promise<void>
    try {
      sent = request.notify(tagged(request, notification))
    } catch (error) {
      // It cannot be serialized, or is too long.
      this.#report(toError(error))
      return
    }
    await sent.catch(ignore)
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
    lists: new Set(Object.values(FILTERS).filter((name) => wanted[name] === true)),
    uris: new Set(texts),
  }
}

function acknowledgedParams({ lists, uris }: Filter): Record<string, unknown> {
  const named = Object.fromEntries([...lists].map((name) => [name, true]))
  return uris.size > 0 ? { ...named, resourceSubscriptions: [...uris] } : named
}

function accepts({ lists, uris }: Filter, { method, params }: JsonRpcNotification): boolean {
  if (method === UPDATED) return uris.has(String(params?.['uri']))
  return Object.hasOwn(FILTERS, method) && lists.has(FILTERS[method] ?? '')
}

/** The notification with the id of the subscription. */
function tagged(request: StatelessRequest, { method, params }: JsonRpcNotification): JsonRpcNotification {
  const _meta = { ...params?._meta, [SUBSCRIPTION_KEY]: request.id }
  return { jsonrpc: '2.0', method, params: { ...params, _meta } }
}
