import { isJsonRpcError, isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { type End, inWordsOfCommandLine } from './words.js'

/** The longest line of a diagnosis, in characters. */
const MAX_LINE = 500

/**
 * Writes a result to standard output. Resolves once it is out, or nobody reads it any more, as in a pipe to `head`;
 * rejects where it cannot be written.
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => {
      if (error && isOfSystem(error) && error.code !== 'EPIPE') reject(error)
      else resolve()
    })
  })
}

function isOfSystem(error: Error): error is NodeJS.ErrnoException {
  return 'syscall' in error
}

/** Writes one line to standard error, the only place for words: standard output carries messages or results. */
export function say(who: string, text: string): void {
  process.stderr.write(`${who}: ${cut(printable(text))}\n`)
}

/**
 * Writes what went wrong at an end as one line, with its code. What is none of our errors, nor one of the system, is a
 * bug, and shows its stack.
 */
export function tellError(who: string, error: Error, end: End = 'server'): void {
  const { code, message } = describeError(error, end)
  if (code !== null) say(who, `${code}: ${message}`)
  else if (isOfSystem(error)) say(who, message)
  else process.stderr.write(`${who}: ${error.stack ?? message}\n`)
}

/** What went wrong. */
export interface Diagnosis {
  /** A code of ours or of JSON-RPC, where it has one. */
  readonly code: string | number | null
  /** One line. */
  readonly message: string
  /** Where, as far as the error knows. */
  readonly address: string | null
  /** The option of the command line that changes it, where there is one. */
  readonly option: string | null
}

/**
 * The diagnosis of whatever was thrown, in words of the command line. That a transport is closed says less than why
 * it is.
 */
export function describeError(thrown: unknown, end: End = 'server'): Diagnosis {
  const error = toError(thrown)
  const told = isTransportError(error, 'CLOSED') && error.cause instanceof Error ? error.cause : error
  const code = isTransportError(told) || isJsonRpcError(told) ? told.code : null
  // What a server says is its own: what looks like an option there is none of ours.
  const isTheirs = isTransportError(told, 'PROCESS_EXITED') || isJsonRpcError(told)
  const words = isTheirs ? told.message : inWordsOfCommandLine(told.message, end)
  const message = printable(words) + (end === 'server' ? hintFor(told) : '')
  const address = factIn(told, 'address')
  return {
    code,
    message,
    address: typeof address === 'string' ? address : null,
    option: (!isTheirs && /(?<!\S)--[a-z][a-z-]+/.exec(message)?.[0]) || null,
  }
}

const HTTP_URL = /\bhttps?:\/\/[^\s,;]+/
const USUAL_PATH = '/mcp'
const NOT_FOUND = 404

/** What to do about it, where the command line has something. */
function hintFor(error: Error): string {
  const { message } = error
  if (isTransportError(error, 'REQUEST_TIMEOUT')) return '; --timeout-ms allows for more'
  if (isTransportError(error, 'AUTH_REQUIRED') && /\b(?:https?|wss?):/.test(message))
    return '; --header sends one'
  const [url] = HTTP_URL.exec(message) ?? []
  if (url === undefined || factIn(error, 'status') !== NOT_FOUND) return ''
  const usual = new URL(USUAL_PATH, url).href
  return url === usual || message.includes(` ${USUAL_PATH}`) ? '' : `; servers usually are at ${usual}`
}

/** What the details of an error, or else of what caused it, say under that name. */
function factIn(error: unknown, name: 'address' | 'status'): unknown {
  for (let each = error; isTransportError(each); each = each.cause) {
    const fact = Object.entries(each.details ?? {}).find(([key]) => key === name)
    if (fact) return fact[1]
  }
  return undefined
}

/** The text as one line that a terminal only shows: what others wrote may contain sequences that steer one. */
export function printable(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
    .trim()
}

function cut(line: string): string {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line
}
