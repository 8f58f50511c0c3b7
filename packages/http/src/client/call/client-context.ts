import { type Clock, isTransportError, TransportError } from '@mcpwire/core'
import type { Engine } from '../../engines/engine.js'
import { type Authorization, wantsMoreScope } from './authorization.js'
import type { AskedInTime } from './callback-timeout.js'
import type { EventReaders } from './event-reader.js'
import { hintAt } from './failure-hints.js'
import type { IdleWatch } from './idle-watch.js'
import type { Inflow } from './pause-state.js'
import type { ReconnectSettings } from './reconnect-budget.js'
import type { RefusedAnswer } from './refused-answer.js'
import type { RequestHeaders } from './request-headers.js'

/** The longest chain of redirects that is followed. */
const MAX_REDIRECTS = 5

/** What every request of one client stands on. */
export interface Link {
  readonly engine: Engine
  readonly url: URL
  /** What to call the server in errors: its URL without the query. */
  readonly address: string
  readonly headers: RequestHeaders
  readonly authorization: Authorization | undefined
  /** What the application was asked for. */
  readonly asked: AskedInTime
  readonly watch: IdleWatch
  /** Answers of which nothing more is wanted than their end. */
  readonly lingering: IdleWatch
  readonly readers: EventReaders
  readonly clock: Clock
  readonly reconnect: ReconnectSettings
  readonly maxMessageBytes: number
  readonly connectTimeoutMs: number
  readonly inflow: Inflow
}

/** What one request has already tried to get past refusals. */
export interface Tries {
  redirects: number
  unauthorized: boolean
  insufficientScope: boolean
}

/**
 * Does what an answer asks for: follows a redirect within the origin, or has a better credential fetched. Yields
 * where to send the request once more, or nothing where the answer stands.
 */
export async function wayPast(
  answer: RefusedAnswer,
  link: Link,
  sent: { readonly url: URL; readonly generation: number; readonly tries: Tries },
): Promise<URL | undefined> {
  const { authorization } = link
  const { url, generation, tries } = sent
  const { status } = answer
  if (status === 307 || status === 308) return redirectWithin(answer, url, tries)
  const isUnauthorized = status === 401
  if (!authorization || !(isUnauthorized || wantsMoreScope(answer))) return undefined
  const tried = isUnauthorized ? 'unauthorized' : 'insufficientScope'
  if (tries[tried]) return undefined
  tries[tried] = true
  return (await authorization.renew(answer, generation)) ? url : undefined
}

/** Elsewhere nobody knows what the server does with headers and bodies that are meant for this one. */
function redirectWithin(answer: RefusedAnswer, from: URL, tries: Tries): URL | undefined {
  const location = answer.header('location')
  if (location === undefined || ++tries.redirects > MAX_REDIRECTS || !URL.canParse(location, from))
    return undefined
  const to = new URL(location, from)
  return to.origin === from.origin ? to : undefined
}

/** A request that failed before it was answered. */
export interface Unsent {
  readonly delivery: 'none' | 'unknown'
  /** Whether it was to open the conversation. */
  readonly isOpening: boolean
}

/** The error for a request that failed before it was answered. */
export function unsent(address: string, cause: Error, { delivery, isOpening }: Unsent): Error {
  if (isTransportError(cause)) return cause
  const hint = hintAt(cause, address)
  const words = `${address}: ${cause.message}${hint === undefined ? '' : `; ${hint}`}`
  return isOpening && delivery === 'none'
    ? new TransportError('CONNECT_FAILED', `cannot connect to ${words}`, { address }, { cause })
    : new TransportError('SEND_FAILED', `cannot send to ${words}`, { delivery }, { cause })
}
