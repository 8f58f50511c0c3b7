import type { Exchange } from './http-exchange.js'
import type { Caller } from './principal.js'

/** What serves one path, by method. */
export interface Routes {
  readonly methods: Readonly<Record<string, (exchange: Exchange, caller: Caller) => void>>
  /** Whether a request may open a session, and so needs room for one. */
  mayOpen(exchange: Exchange): boolean
}
