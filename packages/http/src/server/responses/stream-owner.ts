import type { ByteBudget, RequestId, TransportError } from '@mcpwire/core'
import type { EndpointSettings } from '../request/endpoint-options.js'
import type { KeepAliveScheduler } from '../request/periodic-check.js'
import type { EventLog } from './event-log.js'

/** The session, as its streams and responses use it. */
export interface StreamOwner {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  readonly budget: ByteBudget | undefined
  /** Whether streams begin with a priming event, and may be closed and polled. */
  readonly allowsPolling: boolean
  /** A new stream in the event store, if there is one. */
  createLog(): EventLog | undefined
  /** Called when an HTTP exchange begins, and when it ends. */
  attached(): void
  detached(): void
  /** Cancels a request whose client has disconnected. */
  cancel(id: RequestId): void
  /** Responds with an error in place of a response that was rejected as `OVERLOADED` and not sent again. */
  respondUnsendable(id: RequestId): void
  /** Called when the client disconnects before it received its session id. */
  disconnectedBeforeId(): void
  /** Called for queued messages that were dropped, with the id of each that is a request of the application. */
  dropped(error: TransportError<'OVERLOADED'>, messages: readonly (RequestId | undefined)[]): void
  report(error: Error): void
}
