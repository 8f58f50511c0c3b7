/*
 * The first bytes of a byte stream decide whether it is read. A stream of MCP starts with white space, `{` or `[`. Any
 * other start is another protocol. Without this check the header lines of an HTTP request would count as malformed
 * messages, and the JSON-RPC lines in its body would be executed: a page in a browser could send them.
 *
 *   undecided ──{ or [────────────────────────▶ json: the bytes are decoded
 *       │ more bytes of a known start, blanks
 *       └──any other byte, the end───────────▶ foreign: the connection ends
 */
import { previewOf } from '../authoring.js'
import { TransportError } from '../index.js'

/** A start that is no JSON-RPC. */
export interface ForeignStart {
  readonly error: Error
  /** The last bytes for the peer, in its own protocol. */
  readonly response?: string
}

/** The verdict on a start: JSON-RPC where it has no member. */
export interface StartVerdict {
  /** The text that the next chunk continues. */
  readonly undecided?: string
  readonly foreign?: ForeignStart
}

/**
 * Inspects the next bytes of a start, from a peer at that address.
 *
 * @param held the text of the last verdict, `''` at first
 * @param chunk the next bytes; none when the input has ended
 */
export type InspectStart = (held: string, chunk: Uint8Array | undefined, address: string) => StartVerdict

const JSON_START: StartVerdict = {}

/** The peer of a byte stream: it decides the hint, and whether the peer gets an HTTP response. */
type PeerRole = 'client' | 'server'

/** The end of the longest request line that is recognized, in bytes. */
const MAX_LINE_BYTES = 8_192
const BYTE_ORDER_MARK = '\xef\xbb\xbf'

/** A protocol with its name in errors and the advice for each role of the peer. */
interface Protocol {
  readonly name: string
  readonly hint: Readonly<Record<PeerRole, string>>
  readonly isHttpRequest?: boolean
}

const TLS_HINT = 'use TLS at both ends or at neither'
const PORT_HINT = 'check the host and the port'

const tls: Protocol = { name: 'TLS', hint: { client: TLS_HINT, server: TLS_HINT } }
const ssh: Protocol = { name: 'SSH', hint: { client: PORT_HINT, server: PORT_HINT } }
const proxy: Protocol = {
  name: 'the PROXY protocol',
  hint: {
    client: 'name the load balancer in option "proxyProtocol" of tcpServer, or switch it off there',
    server: PORT_HINT,
  },
}
const HTTP_HINTS = {
  client: 'serve HTTP clients with an HTTP listener',
  server: 'connect to an HTTP server by its http: URL',
}
const http: Protocol = { name: 'HTTP', hint: HTTP_HINTS }
const httpRequest: Protocol = { name: 'HTTP', hint: HTTP_HINTS, isHttpRequest: true }

/** The methods that are recognized before their line is complete. `PRI` starts HTTP/2 (RFC 9113, section 3.4). */
const METHODS = 'CONNECT DELETE GET HEAD OPTIONS PATCH POST PRI PUT TRACE'

/** How other protocols start, in capitals. */
const STARTS: readonly (readonly [start: string, protocol: Protocol])[] = [
  // A handshake record and an alert record of TLS.
  ['\x16\x03', tls],
  ['\x15\x03', tls],
  ['HTTP/', http],
  ['SSH-', ssh],
  ['PROXY ', proxy],
  ...METHODS.split(' ').map((method) => [`${method} `, httpRequest] as const),
]

/** A request line with any method (RFC 9112, section 3). */
const REQUEST_LINE = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/\d/i

/**
 * The inspection for a listener. A client that speaks HTTP gets status 400.
 *
 * @example
 * ```ts
 * duplexChannel(socket, sink, { ...settings, peer, inspectStart: inspectClientStart })
 * ```
 */
export const inspectClientStart: InspectStart = (held, chunk, address) =>
  inspect(held, chunk, { address, role: 'client' })

/**
 * The inspection for a client. The error names the protocol of the server.
 *
 * @example
 * ```ts
 * duplexChannel(socket, sink, { ...settings, peer, inspectStart: inspectServerStart })
 * ```
 */
export const inspectServerStart: InspectStart = (held, chunk, address) =>
  inspect(held, chunk, { address, role: 'server' })

interface StartPeer {
  readonly address: string
  readonly role: PeerRole
}

function inspect(held: string, chunk: Uint8Array | undefined, peer: StartPeer): StartVerdict {
  if (!chunk) return held === '' ? JSON_START : { foreign: foreignStart(held, peer) }
  const at = held === '' ? firstNonBlank(chunk) : 0
  if (held === '' && isJson(chunk[at])) return JSON_START
  const next = Buffer.from(chunk.buffer, chunk.byteOffset + at, Math.min(chunk.length - at, MAX_LINE_BYTES))
  const text = withoutMark(held + next.toString('latin1'))
  if (text === '' || BYTE_ORDER_MARK.startsWith(text)) return { undecided: text }
  if (isJson(text.charCodeAt(0))) return JSON_START
  const capitals = text.slice(0, MAX_START).toUpperCase()
  const isStart = STARTS.some(([start]) => start.length > capitals.length && start.startsWith(capitals))
  return isStart ? { undecided: text } : { foreign: foreignStart(text, peer) }
}

/** Longer than every start. */
const MAX_START = 16

/** The index of the first byte that is no white space of JSON; the length where there is none. */
export function firstNonBlank(chunk: Uint8Array): number {
  const at = chunk.findIndex((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
  return at === -1 ? chunk.length : at
}

function isJson(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x5b
}

/** The text without a byte order mark, which may precede the first message. */
function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK)
    ? text.slice(BYTE_ORDER_MARK.length).replace(/^[ \t\r\n]+/, '')
    : text
}

function foreignStart(text: string, { address, role }: StartPeer): ForeignStart {
  const capitals = text.slice(0, MAX_START).toUpperCase()
  const known = STARTS.find(([start]) => capitals.startsWith(start))?.[1]
  const protocol = known ?? (REQUEST_LINE.test(text) ? httpRequest : undefined)
  const bytes = Buffer.from(text, 'latin1').toString()
  // The target and the headers of a request may have secrets.
  const preview = protocol?.isHttpRequest ? text.slice(0, text.indexOf(' ')) : previewOf(bytes)
  const what = protocol ? `it speaks ${protocol.name}` : `it sent ${JSON.stringify(preview)}`
  const hint = protocol?.hint[role] ?? (role === 'server' ? PORT_HINT : undefined)
  const error = new TransportError(
    'MALFORMED_MESSAGE',
    `closed the connection to ${address}: ${what} instead of JSON-RPC messages in lines`,
    { preview, ...(hint !== undefined && { hint }) },
  )
  return protocol?.isHttpRequest && role === 'client' ? { error, response: HTTP_RESPONSE } : { error }
}

const HTTP_TEXT = 'This port serves MCP as JSON-RPC messages in lines, not HTTP.\n'

/** The response to a client that speaks HTTP. Never a redirect or a body that a page could use. */
export const HTTP_RESPONSE: string = [
  'HTTP/1.1 400 Bad Request',
  'connection: close',
  'content-type: text/plain; charset=utf-8',
  'x-content-type-options: nosniff',
  `content-length: ${HTTP_TEXT.length}`,
  '',
  HTTP_TEXT,
].join('\r\n')
