import type { ByteBudget, Peer, SessionGrant } from '@mcpwire/core'
import type { Channel, Sink } from '@mcpwire/core/authoring'
import type { EndpointSettings } from './endpoint-options.js'
import type { Caller } from './http-exchange.js'
import type { KeepAliveScheduler } from './periodic-check.js'
import type { Evictable, PrincipalUsage } from './session-eviction.js'

/** The services of the endpoint that a session uses. */
export interface SessionHost {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  /** The bytes that all connections of the listener may hold together. */
  readonly budget: ByteBudget | undefined
  /** Called when the session has ended. */
  readonly ended: (session: ServedSession) => void
  /** Called when the session may be idle. */
  readonly idle: (session: ServedSession) => void
}

/** One session, as far as the registry needs to know it. */
export interface ServedSession extends Evictable {
  readonly id: string
  readonly remoteAddress: string
  readonly owner: string
  readonly openedAt: number
  /** Whether the application has connected to it. */
  readonly isServed: boolean
  /** The grant of the session policy. */
  grant: SessionGrant | undefined
  /** When it expires unless there is activity. */
  readonly dueAt: number
  end(reason?: Error): void
}

/** The properties of a new session. */
export interface SessionStart {
  readonly id: string
  readonly caller: Caller
  readonly peer: Peer
  readonly remoteAddress: string
  /** What its principal uses. The session counts its requests in flight there. */
  readonly usage: PrincipalUsage
}

/** How a session is created, and how the application is connected to it. */
export interface SessionFactory {
  create(start: SessionStart): ServedSession
  serve(sink: Sink): Channel
}
