import type { Clock } from '@mcpwire/core'
import type { Engine } from '../../engines/engine.js'
import type { Authorization } from './authorization.js'
import type { CallbackTimeouts } from './callbacks.js'
import type { ServerHistory } from './error-advice.js'
import type { EventReaders } from './event-reader.js'
import type { IdleWatch, PauseState } from './idle-watch.js'
import type { ReconnectSettings } from './reconnect-budget.js'
import type { RequestHeaders } from './request-headers.js'

/** The parts that all requests of one client share. */
export interface ClientContext {
  readonly engine: Engine
  readonly url: URL
  /** The server's name in errors: its URL without the query. */
  readonly address: string
  readonly headers: RequestHeaders
  readonly authorization: Authorization | undefined
  readonly callbacks: CallbackTimeouts
  readonly watch: IdleWatch
  /** Watches responses whose end is all that is still expected. */
  readonly lingering: IdleWatch
  readonly readers: EventReaders
  readonly clock: Clock
  readonly reconnect: ReconnectSettings
  readonly maxMessageBytes: number
  readonly connectTimeoutMs: number
  readonly acceptTimeoutMs: number
  readonly responseHeadTimeoutMs: number
  readonly maxSockets: number
  readonly pauseState: PauseState
  readonly history: ServerHistory
  readonly traffic: BodyTraffic
}

/** The bytes of all bodies so far. Headers do not count: platforms hide them. */
interface BodyTraffic {
  bytesSent: number
  bytesReceived: number
}
