import type { EndpointSettings } from '../request/endpoint-options.js'
import type { LiveStreams } from '../request/keep-alive-scheduler.js'
import type { Call } from '../request/pending-request.js'
import type { EventLog } from './event-log.js'

/** What the streams of a session need of it. */
export interface StreamOwner {
  readonly settings: EndpointSettings
  readonly live: LiveStreams
  /** Whether streams begin with an event to continue from, and may be closed and polled. */
  readonly allowsPolling: boolean
  /** A stream of its own in the event store, where there is one. */
  newLog(): EventLog | undefined
  /** One more, or one less, HTTP request is being answered. */
  attached(): void
  detached(): void
  /** The client is not there any more to hear the answer of this call. */
  giveUp(call: Call): void
  /** There was no room for the response of this call, and it was not sent again. */
  unsent(call: Call): void
  /** The client is not there to learn of its session. */
  unheard(): void
  report(error: Error): void
}
