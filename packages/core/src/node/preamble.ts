import type { Socket } from 'node:net'
import {
  callback,
  callbackFailed,
  inRange,
  integer,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
  parseRefusal,
} from '../authoring.js'
import { type Clock, isTransportError, type JsonRpcMessage, type Refusal } from '../index.js'

/** What a caller says in front of the conversation, on media that have no headers of their own. */
export interface Preamble {
  /** The headers, asked for with each connection: a token may have been renewed since the last. */
  readonly headers: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
}

/** How a listener reads what callers say in front of the conversation. */
export interface PreambleOptions {
  /**
   * How long a caller may take over it, in milliseconds.
   * @defaultValue 5_000
   */
  timeoutMs?: number | undefined
  /**
   * How long it may be, in bytes.
   * @defaultValue 8_192
   */
  maxBytes?: number | undefined
}

/** Those options after their defaults. */
export type PreambleSettings = OptionSettings<PreambleOptions>

/** The options of a listener that reads a preamble. */
export const preambleOptions: OptionTable<PreambleOptions> = options<PreambleOptions>({
  timeoutMs: inRange(1, Infinity, 5_000),
  maxBytes: integer(64, 1_048_576, 8_192),
})

/** What reading a preamble uses for options that are not given. */
export const preambleDefaults: OptionDefaults<PreambleOptions> = preambleOptions.defaults

/** The one member of the line, so that a message is never taken for a preamble nor the other way round. */
const MEMBER = 'mcpwire'
const VERSION = 1
const LINE_FEED = 0x0a

/**
 * Stands in front of the headers. A listener that expects no preamble reports the start of the line as malformed:
 * this is what it then quotes, instead of a credential.
 */
const NOTE = 'headers, for the option preamble of a listener that expects one'

/** The option `preamble` of a client. */
export const preambleMembers: OptionTable<Preamble> = options<Preamble>({ headers: callback() })

/**
 * Asks for the headers of one connection. Rejects with `CALLBACK_FAILED`, or with `signal.reason` as soon as the
 * signal aborts.
 */
export function askForHeaders(
  preamble: Preamble,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    Promise.resolve()
      .then(() => preamble.headers())
      .then((headers) => resolve(requireHeaders(headers)))
      .catch((cause) => reject(headersFailed(cause)))
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

/** A copy, with what it holds kept out of every error. */
function requireHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null) throw new TypeError('it returned no headers')
  const wrong = Object.entries(headers).find(([, value]) => typeof value !== 'string')
  if (wrong) throw new TypeError(`the header ${JSON.stringify(wrong[0])} is no string`)
  return { ...headers } as Record<string, string>
}

function headersFailed(cause: unknown): Error {
  if (isTransportError(cause)) return cause
  return callbackFailed('preamble.headers', cause)
}

/** Writes the preamble: one line, `{"mcpwire":1,"note":"…","headers":{…}}`. */
export function sendPreamble(socket: Socket, headers: Readonly<Record<string, string>>): void {
  socket.write(`${JSON.stringify({ [MEMBER]: VERSION, note: NOTE, headers })}\n`)
}

/** What came of reading a preamble. */
export type PreambleOutcome =
  | { readonly headers: Readonly<Record<string, string>> }
  | { readonly refusal: Refusal }

/**
 * Reads the first line of a socket that does not flow, and leaves what follows it unread. Never rejects: a caller
 * that says something else, too much, or nothing in time is to be refused.
 */
export function readPreamble(
  socket: Socket,
  { timeoutMs, maxBytes }: PreambleSettings,
  clock: Clock,
): Promise<PreambleOutcome> {
  return new Promise((resolve) => {
    const held: Buffer[] = []
    let heldBytes = 0
    const late = clock.deadline(timeoutMs, () => {
      settle(refused(`no preamble came within preamble.timeoutMs (${timeoutMs} ms)`))
    })
    const settle = (outcome: PreambleOutcome): void => {
      late[Symbol.dispose]()
      socket.off('readable', onreadable).off('close', onclose).off('end', onclose)
      resolve(outcome)
    }
    const onclose = (): void => settle(refused('the connection ended before a preamble came'))
    const onreadable = (): void => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        const end = (chunk as Buffer).indexOf(LINE_FEED)
        const part = end === -1 ? (chunk as Buffer) : (chunk as Buffer).subarray(0, end)
        heldBytes += part.length
        if (heldBytes > maxBytes) {
          settle(refused(`the preamble is longer than preamble.maxBytes (${maxBytes})`))
          return
        }
        held.push(part)
        if (end === -1) continue
        settle(parseHeaders(Buffer.concat(held).toString()))
        const rest = (chunk as Buffer).subarray(end + 1)
        if (rest.length > 0) socket.unshift(rest)
        return
      }
    }
    socket.on('readable', onreadable).once('close', onclose).once('end', onclose)
  })
}

function parseHeaders(line: string): PreambleOutcome {
  try {
    const said = JSON.parse(line) as Record<string, unknown> | null
    const headers = said?.['headers']
    if (said?.[MEMBER] === VERSION && typeof headers === 'object' && headers !== null)
      return { headers: lowered(headers) }
    // A caller that hangs up for a reason of its own says so in place of its first message.
    const farewell = said && parseRefusal(said as unknown as JsonRpcMessage, 'the caller')
    if (farewell) return refused(farewell.message)
  } catch {
    // Falls through: whatever it was, it was no preamble.
  }
  return refused('a preamble is expected before the first message')
}

/** By lower-case name, as in any handshake; without a prototype, for the names are the caller's. */
function lowered(headers: object): Readonly<Record<string, string>> {
  const lower: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string') lower[name.toLowerCase()] = value
  return Object.freeze(lower)
}

function refused(reason: string): { readonly refusal: Refusal } {
  return { refusal: { admit: false, status: 401, reason } }
}
