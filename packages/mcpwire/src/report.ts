import { isJsonRpcError, isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { type End, flagFor, nameFlags } from './flag-names.js'
import { type LogLevel, type LogSource, writeLog } from './log-lines.js'
import { printable } from './printable.js'

/**
 * Writes a result to standard output. Resolves once the output is written, or if its reader has closed it, as in a
 * pipe to `head`. Rejects if the output cannot be written.
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => {
      if (error && isSystemError(error) && error.code !== 'EPIPE') reject(error)
      else resolve()
    })
  })
}

function isSystemError(error: Error): error is NodeJS.ErrnoException {
  return 'syscall' in error
}

/** Writes one line to standard error. Standard output is for messages and results only. */
export function log(source: LogSource | string, text: string, level: LogLevel = 'info'): void {
  writeLog(source, { level, text })
}

/**
 * Writes an error as one line with its code. An unexpected error is a bug and is written with its stack.
 *
 * @param count the number of such errors within a second, of which this is the last
 */
export function logError(source: LogSource | string, error: Error, end: End = 'server', count = 1): void {
  const { code, message: text } = diagnose(error, end)
  const message = count > 1 ? `${text}; ${count} such errors within a second` : text
  const level = isTransportError(error) && WARNINGS.includes(error.code) ? 'warn' : 'error'
  if (code !== null) writeLog(source, { level, text: message, code })
  else if (isSystemError(error)) writeLog(source, { level, text: message })
  else writeLog(source, { level, text: message, detail: error.stack ?? message })
}

/** The codes of errors that end neither a server nor the program. */
const WARNINGS: readonly string[] = [
  'AUTH_REQUIRED',
  'MALFORMED_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'OVERLOADED',
  'REFUSED',
]

/** An error as data. */
export interface Diagnosis {
  /** The code of a `TransportError` or of a JSON-RPC error. */
  readonly code: string | number | null
  /** One line. */
  readonly message: string
  /** The address in the details of the error. */
  readonly address: string | null
  /** The option of the command line to change. */
  readonly option: string | null
}

/** Describes a thrown value with the names of the command line. `CLOSED` is replaced by its cause. */
export function diagnose(thrown: unknown, end: End = 'server'): Diagnosis {
  const closed = toError(thrown)
  const error = isTransportError(closed, 'CLOSED') && closed.cause instanceof Error ? closed.cause : closed
  const code = isTransportError(error) || isJsonRpcError(error) ? error.code : null
  const address = detailOf(error, 'address')
  const facts = { code, address: typeof address === 'string' ? address : null }
  // The server wrote the text: an option in it is not an option of this program.
  if (isJsonRpcError(error)) return { ...facts, message: printable(error.message), option: null }
  if (isTransportError(error, 'PROCESS_EXITED')) {
    const { hint, option } = error.details
    const message = hint === undefined ? error.message : withHint(error.message, hint, nameFlags(hint, end))
    return { ...facts, message: printable(message), option: flagFor(option, end) ?? null }
  }
  const message = printable(nameFlags(error.message, end))
  const advice = end === 'server' ? adviceFor(error) : adviceAboutClient(error)
  return {
    ...facts,
    message: advice === undefined ? message : `${message}; ${advice.hint}`,
    option: flagFor(optionOf(error), end) ?? flagFor(advice?.option, end) ?? FLAG.exec(message)?.[0] ?? null,
  }
}

/** The text with its hint, which is its end, replaced. */
function withHint(text: string, hint: string, replacement: string): string {
  return text.endsWith(hint) ? text.slice(0, -hint.length) + replacement : text
}

const FLAG = /(?<!\S)--[a-z][a-z-]+/
const HTTP_URL = /\bhttps?:\/\/[^\s,;]+/
const WRONG_PATH_TEXT = /\bstatus 40[45]\b/
const USUAL_PATH = '/mcp'
/** The usual path of HTTP+SSE, the HTTP transport of 2024-11-05. */
const USUAL_SSE_PATH = '/sse'
/** The statuses of a server without an MCP endpoint at the path. */
const WRONG_PATH_STATUSES: readonly unknown[] = [404, 405]

/** What to change, for errors that come without a hint. */
function adviceFor(error: Error): { readonly option?: string; readonly hint: string } | undefined {
  const { message } = error
  if (detailOf(error, 'hint') === undefined) {
    if (isTransportError(error, 'REQUEST_TIMEOUT')) return { option: 'timeoutMs', hint: 'raise --timeout-ms' }
    const hint = isTransportError(error, 'AUTH_REQUIRED') ? credentialHint(message) : undefined
    if (hint !== undefined) return { option: 'headers', hint }
  }
  const [url] = HTTP_URL.exec(message) ?? []
  const isWrongPath = WRONG_PATH_STATUSES.includes(detailOf(error, 'status')) || WRONG_PATH_TEXT.test(message)
  if (url === undefined || !isWrongPath) return undefined
  const [usual, sse] = [USUAL_PATH, USUAL_SSE_PATH].map((path) => new URL(path, url).href)
  if (url === usual) return { hint: `servers of HTTP+SSE usually respond at ${sse}` }
  return {
    hint: `MCP servers usually respond at ${usual}${url === sse ? '' : ` or, with HTTP+SSE, at ${sse}`}`,
  }
}

/** What to do about a server that requires a credential. Over TCP and Unix sockets it comes in a preamble. */
function credentialHint(message: string): string | undefined {
  if (/\b(?:https?|wss?):/.test(message) || /\bpreamble\b/.test(message))
    return 'authentication required: pass --header "Authorization: Bearer …"'
  if (/\bcertificate\b/.test(message)) return undefined
  return 'check the credential in --header'
}

/** The start of a preamble in the preview of a line. */
const PREAMBLE = '{"mcpwire":'

/** What to change at a bridge that listens, for faults of its clients. */
function adviceAboutClient(error: Error): { readonly option?: string; readonly hint: string } | undefined {
  if (isTransportError(error, 'REFUSED') && /\bpreamble is required\b/.test(error.message))
    return { hint: 'the client must send a key or a token: mcpwire sends it with --header' }
  if (isTransportError(error, 'MALFORMED_MESSAGE') && error.details.preview.startsWith(PREAMBLE))
    return {
      hint: 'the client sent headers, but this bridge requires none: remove --header there, or pass --api-key-file or --jwt-issuer here',
    }
  return undefined
}

function optionOf(error: Error): string | undefined {
  const option = detailOf(error, 'option')
  return typeof option === 'string' ? option : undefined
}

/** A member of the details of an error, or else of its nearest cause that has it. */
function detailOf(error: unknown, name: 'address' | 'status' | 'option' | 'hint'): unknown {
  for (let each = error; isTransportError(each); each = each.cause) {
    const detail = Object.entries(each.details ?? {}).find(([key]) => key === name)
    if (detail) return detail[1]
  }
  return undefined
}
