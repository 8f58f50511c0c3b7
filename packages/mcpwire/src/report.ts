import { isJsonRpcError, isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { type End, flagFor, nameFlags } from './flag-names.js'

/** The longest line of a diagnosis, in characters. */
const MAX_LINE = 500

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
export function log(name: string, text: string): void {
  process.stderr.write(`${name}: ${truncate(printable(text))}\n`)
}

/** Writes an error as one line with its code. An unexpected error is a bug and is written with its stack. */
export function logError(name: string, error: Error, end: End = 'server'): void {
  const { code, message } = diagnose(error, end)
  if (code !== null) log(name, `${code}: ${message}`)
  else if (isSystemError(error)) log(name, message)
  else process.stderr.write(`${name}: ${error.stack ?? message}\n`)
}

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
  if (isTransportError(error, 'PROCESS_EXITED') || isJsonRpcError(error))
    return { ...facts, message: printable(error.message), option: null }
  const message = printable(nameFlags(error.message, end))
  const advice = end === 'server' ? adviceFor(error) : undefined
  return {
    ...facts,
    message: advice === undefined ? message : `${message}; ${advice.hint}`,
    option: flagFor(optionOf(error), end) ?? flagFor(advice?.option, end) ?? FLAG.exec(message)?.[0] ?? null,
  }
}

const FLAG = /(?<!\S)--[a-z][a-z-]+/
const HTTP_URL = /\bhttps?:\/\/[^\s,;]+/
const USUAL_PATH = '/mcp'
const NOT_FOUND = 404

/** What to change, for errors that come without a hint. */
function adviceFor(error: Error): { readonly option?: string; readonly hint: string } | undefined {
  const { message } = error
  if (detailOf(error, 'hint') === undefined) {
    if (isTransportError(error, 'REQUEST_TIMEOUT')) return { option: 'timeoutMs', hint: 'raise --timeout-ms' }
    if (isTransportError(error, 'AUTH_REQUIRED') && /\b(?:https?|wss?):/.test(message))
      return {
        option: 'headers',
        hint: 'authentication required: pass --header "Authorization: Bearer …"',
      }
  }
  const [url] = HTTP_URL.exec(message) ?? []
  if (url === undefined || detailOf(error, 'status') !== NOT_FOUND) return undefined
  const usual = new URL(USUAL_PATH, url).href
  if (url === usual || message.includes(` ${USUAL_PATH}`)) return undefined
  return { hint: `MCP servers usually respond at ${usual}` }
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

/** The text as one line without control characters: a server must not send escape sequences to the terminal. */
export function printable(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
    .trim()
}

function truncate(line: string): string {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line
}
