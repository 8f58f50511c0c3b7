import type { Handshake } from './gate.js'
import type { HttpHeaders } from './http-headers.js'

/** An HTTP response without messages. */
export interface HttpResponse {
  readonly status: number
  readonly headers?: HttpHeaders
  readonly body?: string
}

/** Hooks for CORS, security headers, metadata and health routes of an HTTP server. */
export interface HttpHooks {
  /** Returns the response to a CORS preflight. Called before the gate. Without a response, the preflight is refused. */
  readonly preflight?: (handshake: Handshake) => HttpResponse | undefined
  /** Returns headers for each response, refusals and errors included. */
  readonly responseHeaders?: (handshake: Handshake) => HttpHeaders
  /** Routes beside the endpoint, by exact path. The gate does not protect them. */
  readonly routes?: Readonly<Record<string, (handshake: Handshake) => HttpResponse | Promise<HttpResponse>>>
}
