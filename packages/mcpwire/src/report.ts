import { isJsonRpcError, isTransportError, toError } from '@mcpwire/core'
import { type End, inWordsOfCommandLine } from './words.js'

/** The longest line of a diagnosis, in characters. */
const MAX_LINE = 500

/** Writes a result to standard output. Resolves once it is out. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()))
}

/** Writes one line to standard error, the only place for words: standard output carries messages or results. */
export function say(who: string, text: string): void {
  process.stderr.write(`${who}: ${cut(printable(text))}\n`)
}

/**
 * Writes what went wrong at an end as one line, with its code. What is none of our errors is a bug, and shows its
 * stack.
 */
export function tellError(who: string, error: Error, end: End = 'server'): void {
  const { code, message } = describeError(error)
  if (code !== null) say(who, `${code}: ${inWordsOfCommandLine(message, end)}${hintFor(code, message, end)}`)
  else process.stderr.write(`${who}: ${error.stack ?? message}\n`)
}

/** What to do about it, where the command line has something. */
function hintFor(code: Diagnosis['code'], message: string, end: End): string {
  const hasHeaders = /\b(?:https?|wss?):/.test(message)
  return code === 'AUTH_REQUIRED' && end === 'server' && hasHeaders ? '; --header sends one' : ''
}

/** What went wrong: a code of ours or of JSON-RPC, where it has one, and one line. */
export interface Diagnosis {
  readonly code: string | number | null
  readonly message: string
}

/** The diagnosis of whatever was thrown. That a transport is closed says less than why it is. */
export function describeError(thrown: unknown): Diagnosis {
  const error = toError(thrown)
  const told = isTransportError(error, 'CLOSED') && error.cause instanceof Error ? error.cause : error
  const code = isTransportError(told) || isJsonRpcError(told) ? told.code : null
  return { code, message: printable(told.message) }
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
