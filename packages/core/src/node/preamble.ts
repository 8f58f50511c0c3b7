import type { Socket } from 'node:net'
import {
  callback,
  callbackFailed,
  defaultsOf,
  inRange,
  integer,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
  parseRefusal,
  unlessAborted,
} from '../authoring.js'
import { type Clock, isTransportError, type JsonRpcMessage, type Refusal } from '../index.js'

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

/** `PreambleOptions` after their defaults. */
export type PreambleSettings = OptionSettings<PreambleOptions>

/** The option `preamble` of a listener. */
export const preambleOptions: OptionTable<PreambleOptions> = options<PreambleOptions>({
  timeoutMs: inRange(1, Infinity, 5_000),
  maxBytes: integer(64, 1_048_576, 8_192),
})

/** Defaults of `PreambleOptions`. */
export const preambleDefaults: OptionDefaults<PreambleOptions> = /* @__PURE__ */ defaultsOf(preambleOptions)

/** The member that distinguishes a preamble from a message. */
const MEMBER = 'mcpwire'
const VERSION = 1
const LINE_FEED = 0x0a

/**
 * Precedes the headers. A listener without option `preamble` reports the start of the line as malformed: its error then
 * quotes this note instead of a credential.
 */
const NOTE = 'headers, for the option preamble of a listener that expects one'

/** The option `preamble` of a client. */
export const clientPreambleOptions: OptionTable<Preamble> = options<Preamble>({ headers: callback() })

/**
 * Calls `preamble.headers()` for one connection. Rejects with `CALLBACK_FAILED`, or with `signal.reason` as soon as the
 * signal aborts.
 */
export function resolvePreambleHeaders(
  preamble: Preamble,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const headers = async (): Promise<Readonly<Record<string, string>>> => {
    try {
      return requireHeaders(await preamble.headers())
    } catch (cause) {
      throw isTransportError(cause) ? cause : callbackFailed('preamble.headers', cause)
    }
  }
  return unlessAborted(headers, signal)
}

/** Checks and copies the headers. Its errors contain no values. */
function requireHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null) throw new TypeError('it did not return an object')
  const wrong = Object.entries(headers).find(([, value]) => typeof value !== 'string')
  if (wrong) throw new TypeError(`header ${JSON.stringify(wrong[0])} is not a string`)
  return { ...headers } as Record<string, string>
}

/** Writes the preamble: one line, `{"mcpwire":1,"note":"…","headers":{…}}`. */
export function sendPreamble(socket: Socket, headers: Readonly<Record<string, string>>): void {
  socket.write(`${JSON.stringify({ [MEMBER]: VERSION, note: NOTE, headers })}\n`)
}

/** The result of reading a preamble. */
export type PreambleOutcome =
  | { readonly headers: Readonly<Record<string, string>> }
  | { readonly refusal: Refusal }

/**
 * Reads the first line of a paused socket, and leaves the rest unread. Never rejects: a missing, late, long or malformed
 * preamble is a refusal.
 */
export function readPreamble(
  socket: Socket,
  { timeoutMs, maxBytes }: PreambleSettings,
  clock: Clock,
): Promise<PreambleOutcome> {
  return new Promise((resolve) => {
    const held: Buffer[] = []
    let heldBytes = 0
    const timer = clock.deadline(timeoutMs, () => {
      settle(refused(`no preamble arrived within preamble.timeoutMs (${timeoutMs} ms)`))
    })
    const settle = (outcome: PreambleOutcome): void => {
      timer[Symbol.dispose]()
      socket.off('readable', onreadable).off('close', onclose).off('end', onclose)
      resolve(outcome)
    }
    const onclose = (): void => settle(refused('the connection closed before a preamble arrived'))
    const onreadable = (): void => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        const end = (chunk as Buffer).indexOf(LINE_FEED)
        const part = end === -1 ? (chunk as Buffer) : (chunk as Buffer).subarray(0, end)
        heldBytes += part.length
        if (heldBytes > maxBytes) {
          settle(refused(`the preamble exceeds preamble.maxBytes (${maxBytes})`))
          return
        }
        held.push(part)
        if (end === -1) continue
        settle(parsePreamble(Buffer.concat(held).toString()))
        const rest = (chunk as Buffer).subarray(end + 1)
        if (rest.length > 0) socket.unshift(rest)
        return
      }
    }
    socket.on('readable', onreadable).once('close', onclose).once('end', onclose)
  })
}

function parsePreamble(line: string): PreambleOutcome {
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

function refused(reason: string): { readonly refusal: Refusal } {
  return { refusal: { admit: false, status: 401, reason } }
}
