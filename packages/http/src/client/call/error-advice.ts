import type { ErrorAdvice } from '@mcpwire/core'
import type { ResponseHead } from '../../engines/engine.js'
import { causesOf } from '../../engines/failures.js'
import { challengeParameter } from '../../headers/challenge.js'

// The hints of errors, as data. A hint does not contradict what the server has done before.

/** What the server has done so far. Its client sets the members. */
export interface ServerHistory {
  /** It has sent a response of HTTP, so that host, port and scheme of the URL are correct. */
  hasResponded: boolean
  /** It has accepted a message, and so is an MCP server at that path. */
  hasAccepted: boolean
}

/** The client that needs advice. */
export interface AdvisedClient {
  readonly url: URL
  readonly history: Readonly<ServerHistory>
  readonly authorization: object | undefined
}

const CHECK_HOST = advice(
  'check the spelling of the host in option "url", and the network; behind a proxy, set option "proxy"',
  'url',
)
const CHECK_NETWORK = advice('the server could be reached before: check the network')
const CHECK_SERVER = advice('check that the server is running and that the port is correct')
const STILL_RUNNING = advice('the server could be reached before: check that it is still running')
const USE_HTTP = advice(
  'check the port; if the server uses HTTP without TLS, use http:// in option "url"',
  'url',
)
const USE_HTTPS = advice('check the port; if the server uses TLS, use https:// in option "url"', 'url')

/** The advice for a failure by its code: for the first request, and after the server has responded. */
const FAILURE_ADVICE: ReadonlyMap<string, readonly [first: ErrorAdvice, later: ErrorAdvice]> = new Map(
  Object.entries({
    ECONNREFUSED: [CHECK_SERVER, STILL_RUNNING],
    EAI_AGAIN: [CHECK_HOST, CHECK_NETWORK],
    ENOTFOUND: [CHECK_HOST, CHECK_NETWORK],
    EHOSTUNREACH: [CHECK_HOST, CHECK_NETWORK],
    ENETUNREACH: [CHECK_HOST, CHECK_NETWORK],
    ERR_SSL_WRONG_VERSION_NUMBER: [USE_HTTP, {}],
    ERR_SSL_PACKET_LENGTH_TOO_LONG: [USE_HTTP, {}],
  } satisfies Record<string, [ErrorAdvice, ErrorAdvice]>),
)
const USUAL_PATH = /\/(?:mcp|sse)\/?$/
const USUAL = ': most MCP servers use /mcp'

function advice(hint: string, option?: string): ErrorAdvice {
  return option === undefined ? { hint } : { hint, option }
}

/** The advice for a request that failed before its response. */
export function adviceForFailure(failure: unknown, { url, history }: AdvisedClient): ErrorAdvice {
  for (const error of causesOf(failure)) {
    const { hint } = error as { readonly hint?: unknown }
    if (typeof hint === 'string') return advice(hint)
    const known = FAILURE_ADVICE.get(String(error.code))
    if (known) return known[history.hasResponded ? 1 : 0]
    if (url.protocol === 'http:' && !history.hasResponded && isFromTlsServer(error)) return USE_HTTPS
  }
  return {}
}

/** A TLS server responds to HTTP with an alert or closes the connection without a byte, as undici reports it. */
function isFromTlsServer(error: object): boolean {
  const { data, socket } = error as { data?: unknown; socket?: { readonly bytesRead?: unknown } }
  return socket?.bytesRead === 0 || (typeof data === 'string' && data.startsWith('\x15\x03'))
}

/** The advice for a response of 2xx that is not MCP. */
export function adviceForContent(client: AdvisedClient, mediaType: string | undefined): ErrorAdvice {
  const { history, authorization } = client
  if (mediaType === 'text/html') {
    const option = authorization ? 'auth' : 'headers'
    return history.hasAccepted
      ? advice(`it may be a login page: check the credential in option "${option}"`, option)
      : advice(
          `it may be a login page: check the path in option "url", and the credential in option "${option}"`,
          'url',
        )
  }
  return history.hasAccepted ? {} : adviceForPath(client)
}

function adviceForPath({ url }: AdvisedClient): ErrorAdvice {
  return advice(`check the path in option "url"${USUAL_PATH.test(url.pathname) ? '' : USUAL}`, 'url')
}

/** The refusal of a client. */
export interface AdvisedRefusal extends ResponseHead {
  readonly sent?: Readonly<Record<string, string>> | undefined
  readonly text?: string | undefined
}

/** The advice for a response that is no success. */
export function adviceForStatus(
  client: AdvisedClient,
  response: AdvisedRefusal,
  retryAfterMs: number | undefined,
): ErrorAdvice {
  const { status, header, sent } = response
  if (retryAfterMs !== undefined) return advice(`retry in ${Math.ceil(retryAfterMs / 1_000)} s (Retry-After)`)
  if (status >= 300 && status < 400) return adviceForRedirect(header('location'), client.url)
  if (status === 401)
    return adviceForCredential(sent?.['authorization'] !== undefined, !!client.authorization)
  if (status === 403) {
    if (isMissingScope(response)) return advice('the token lacks a scope (insufficient_scope)', 'auth')
    // The response of our servers states what to change.
    return response.text?.includes('option "gate"') || response.text?.includes('option \\"gate\\"')
      ? {}
      : advice('check that the server accepts this client, its Host header and its Origin header')
  }
  if (status === 404 || status === 405) return client.history.hasAccepted ? {} : adviceForPath(client)
  if (status === 407)
    return advice('the proxy requires a user and a password: set them in option "proxy"', 'proxy')
  if (status === 426 && /websocket/i.test(header('upgrade') ?? ''))
    return advice('use wsClient, with ws:// in option "url"', 'url')
  return GATEWAY_ADVICE.get(status) ?? {}
}

/** A gateway in front of the server responded. */
const GATEWAY_ADVICE: ReadonlyMap<number, ErrorAdvice> = new Map([
  [
    502,
    advice(
      'a gateway has no valid response from the server behind it: check that the server behind it is running',
    ),
  ],
  [503, advice('the server or a gateway is overloaded or not ready: retry later')],
  [
    504,
    advice(
      'a gateway has no response from the server behind it in time: check that the server behind it is running',
    ),
  ],
])

function adviceForCredential(wasSent: boolean, hasAuth: boolean): ErrorAdvice {
  const option = hasAuth ? 'auth' : 'headers'
  if (wasSent) return advice(`the credential in option "${option}" was rejected`, option)
  return hasAuth
    ? advice('authentication required: auth.token() returned no token', 'auth')
    : advice('authentication required: use option "auth" or option "headers"', 'auth')
}

/** Shows the target without its query and credentials. */
function adviceForRedirect(location: string | undefined, from: URL): ErrorAdvice {
  if (location === undefined || !URL.canParse(location, from))
    return advice('the server redirects without a valid target')
  const { origin, protocol, pathname } = new URL(location, from)
  const target = origin === 'null' ? protocol : origin + pathname
  return advice(
    `this redirect is not followed: if the target is correct, set option "url" to ${target}`,
    'url',
  )
}

/** Whether the server refused because the token lacks a scope (RFC 6750, section 3.1). */
export function isMissingScope({ status, header }: ResponseHead): boolean {
  const error = status === 403 ? challengeParameter(header('www-authenticate'), 'error') : undefined
  return error?.toLowerCase() === 'insufficient_scope'
}
