import type { Handshake } from './gate.js'
import type { HttpHeaders } from './http-headers.js'

/** An HTTP answer that carries no messages. */
export interface HttpResponse {
  readonly status: number
  readonly headers?: HttpHeaders
  readonly body?: string
}

/** Where CORS, security headers, metadata and health routes plug into anything that serves HTTP. */
export interface HttpHooks {
  /** Answers a CORS preflight, before any gate is asked. Without an answer it is refused. */
  readonly preflight?: (handshake: Handshake) => HttpResponse | undefined
  /** Headers to add to every answer, refusals and errors included. */
  readonly responseHeaders?: (handshake: Handshake) => HttpHeaders
  /** Routes beside the endpoint, by exact path; they are not behind the gate. */
  readonly routes?: Readonly<Record<string, (handshake: Handshake) => HttpResponse | Promise<HttpResponse>>>
}
