import { parseRefusal } from '../authoring.js'
import type { JsonRpcMessage, Refusal } from '../index.js'
import type { ForeignStart } from './first-bytes.js'

/** Headers that a client sends before its first message, on media without headers of their own. */
export interface Preamble {
  /** Returns the headers. Called for each connection, since a token may have been renewed. */
  readonly headers: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
}

/** How a listener reads the preamble of its clients. */
export interface PreambleOptions {
  /**
   * Longest wait for the preamble of a client, in milliseconds.
   * @defaultValue 5_000
   */
  timeoutMs?: number | undefined
  /**
   * Longest preamble, in bytes.
   * @defaultValue 8_192
   */
  maxBytes?: number | undefined
}

/** The member that distinguishes a preamble from a message. */
const MEMBER = 'mcpwire'
const VERSION = 1

/**
 * Precedes the headers. A listener without option `preamble` reports the start of the line as malformed: its error then
 * quotes this note instead of a credential.
 */
const NOTE = 'headers, for the option preamble of a listener that expects one'

/** The preamble as one line: `{"mcpwire":1,"note":"…","headers":{…}}`. */
export function encodePreamble(headers: Readonly<Record<string, string>>): string {
  return `${JSON.stringify({ [MEMBER]: VERSION, note: NOTE, headers })}\n`
}

/** The result of reading a preamble. */
export type PreambleOutcome =
  | { readonly headers: Readonly<Record<string, string>> }
  | { readonly refusal: Refusal }
  /** The client speaks another protocol. */
  | { readonly foreign: ForeignStart }

/** The headers in the first line of a client, or the refusal for a line that is no preamble. */
export function parsePreamble(line: string): PreambleOutcome {
  try {
    const parsed = JSON.parse(line) as Record<string, unknown> | null
    const headers = parsed?.['headers']
    if (parsed?.[MEMBER] === VERSION && typeof headers === 'object' && headers !== null)
      return { headers: withLowerCaseNames(headers) }
    // A client that rejects the server certificate sends a refusal as its first message.
    const refusal = parsed && parseRefusal(parsed as unknown as JsonRpcMessage, 'the client')
    if (refusal) return refused(refusal.message)
  } catch {
    // Falls through: the line is not JSON.
  }
  return refused('a preamble is required before the first message')
}

/** Headers by lower-case name, as in every handshake. Without a prototype, since the client chooses the names. */
function withLowerCaseNames(headers: object): Readonly<Record<string, string>> {
  const lower: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string') lower[name.toLowerCase()] = value
  return Object.freeze(lower)
}

/** The refusal for a preamble that is missing or not accepted. */
export function refused(reason: string): { readonly refusal: Refusal } {
  return { refusal: { admit: false, status: 401, reason } }
}
