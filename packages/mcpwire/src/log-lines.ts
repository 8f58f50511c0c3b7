import { systemClock } from '@mcpwire/core'
import { printable } from './printable.js'

/** The levels of log lines, in ascending order. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Lines of text, or one JSON object a line. */
export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** The part of the program that a line is about. */
export interface LogSource {
  /** The command, such as `mcpwire bridge`. */
  readonly name: string
  /** The number of the connection, for a bridge that listens. */
  readonly connection?: number | undefined
  /** The medium: `stdio`, `http`, `ws`, `tcp` or `unix`. */
  readonly wire?: string | undefined
  /** The address of the client. */
  readonly caller?: string | undefined
}

/** One log line. */
export interface LogEntry {
  readonly level: LogLevel
  readonly text: string
  /** The code of an error. */
  readonly code?: string | number | undefined
  /** Where the text comes from, if it is the output of a server. */
  readonly stream?: 'stdout' | 'stderr' | undefined
  /** Further lines, such as a stack. They are written unchanged. */
  readonly detail?: string | undefined
}

/** The longest text of a line, in characters. */
const MAX_TEXT = 500

/** Without settings, lines are for a person at a terminal: they have no time and no level. */
let settings: { readonly format: LogFormat; readonly level: LogLevel } | undefined

/** Writes the following lines in this format, from this level on. */
export function startLogging(format: LogFormat, level: LogLevel): void {
  settings = { format, level }
}

/** Writes one entry to standard error. Standard output is for messages and results only. */
export function writeLog(source: LogSource | string, entry: LogEntry): void {
  const from = typeof source === 'string' ? { name: source } : source
  if (settings && LOG_LEVELS.indexOf(entry.level) < LOG_LEVELS.indexOf(settings.level)) return
  const line =
    settings?.format === 'json' ? jsonLine(from, entry) : textLine(from, entry, settings !== undefined)
  process.stderr.write(`${line}\n`)
}

function textLine(
  source: LogSource,
  { level, text, code, stream, detail }: LogEntry,
  hasTime: boolean,
): string {
  const { name, connection, wire, caller } = source
  const head = hasTime ? [timestamp(), level, name] : [name]
  if (connection !== undefined) head.push(`#${connection}`)
  if (hasTime && wire !== undefined) head.push(wire)
  if (caller !== undefined) head.push(caller)
  if (stream !== undefined) head.push(stream)
  const message = code === undefined ? text : `${code}: ${text}`
  return `${head.join(' ')}: ${detail ?? truncated(printable(message))}`
}

function jsonLine(source: LogSource, { level, text, code, stream, detail }: LogEntry): string {
  const { name, connection, wire, caller } = source
  const message = truncated(printable(text))
  return JSON.stringify({
    time: timestamp(),
    level,
    name,
    connection,
    wire,
    caller,
    stream,
    code,
    message,
    detail,
  })
}

function timestamp(): string {
  return new Date(systemClock.epochNow()).toISOString()
}

function truncated(line: string): string {
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT - 1)}…` : line
}
