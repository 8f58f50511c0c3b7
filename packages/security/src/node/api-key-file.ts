/*
 *   change of the file ─▶ read ─▶ other than at the last reading: read again after settleMs
 *                          └────▶ the same: check ─▶ in use; keys that are gone are revoked
 *                                              └───▶ rejected, onError; the old keys stay
 */
import { resolve } from 'node:path'
import type { Clock, Gate } from '@mcpwire/core'
import {
  backgroundClock,
  boolean,
  callback,
  defaultsOf,
  guarded,
  ignore,
  inRange,
  integer,
  type OptionDefaults,
  objectWith,
  optional,
  optionError,
  options,
  text,
  toError,
} from '@mcpwire/core/authoring'
import { type ApiKeyOptions, admitByKey, apiKeyOptions, type RevocableEntry } from './api-key.js'
import { type KeyFileLimits, parseKeyFile, readKeyFile } from './api-key-lines.js'
import { digestOf, type KeyEntry } from './api-key-list.js'
import { watchFiles } from './file-watch.js'

/** Options of `apiKeyFile`. */
export interface ApiKeyFileOptions extends ApiKeyOptions {
  /**
   * Called with the reason why a new file was rejected. The keys in use stay in use.
   * @defaultValue undefined
   */
  onError?: ((error: Error) => void) | undefined
  /**
   * Whether the file is rejected if its group or other users can read or write it. Windows has no such permissions.
   * @defaultValue true
   */
  requirePrivateFile?: boolean | undefined
  /**
   * Largest file, in bytes.
   * @defaultValue 1_048_576
   */
  maxFileBytes?: number | undefined
  /**
   * Time without a further change before a new file is used, in milliseconds.
   * @defaultValue 100
   */
  settleMs?: number | undefined
  /**
   * Interval of the checks for changes where the file system cannot be watched, in milliseconds.
   * @defaultValue 10_000
   */
  pollIntervalMs?: number | undefined
  /**
   * Source of time. The default does not keep the process alive.
   * @defaultValue backgroundClock
   */
  clock?: Clock | undefined
}

const DAY_MS = 86_400_000

const table = options<ApiKeyFileOptions, 'onError'>({
  ...apiKeyOptions.rules,
  onError: optional(callback()),
  requirePrivateFile: boolean(true),
  maxFileBytes: integer(1, Infinity, 1_048_576),
  settleMs: inRange(1, 60_000, 100),
  pollIntervalMs: inRange(100, DAY_MS, 10_000),
  clock: objectWith<Clock, Clock>(['now', 'epochNow', 'deadline'], 'a Clock', backgroundClock),
})

/** Defaults of the options of `apiKeyFile`. */
export const apiKeyFileDefaults: OptionDefaults<ApiKeyFileOptions, 'onError'> =
  /* @__PURE__ */ defaultsOf(table)

/** A gate whose keys are in a file. Dispose of it to end the watch of the file; the last keys then stay in use. */
export interface ApiKeyFileGate extends Gate, Disposable {}

/**
 * Makes a gate that admits callers with an API key from a file, and follows changes of the file. It is `apiKey` otherwise.
 *
 * Each line has a name, a key and, optionally, an expiry, such as `ci 3f9c… 2027-01-31`. A date alone ends at the beginning
 * of that day in UTC. Empty lines and lines that start with `#` are skipped.
 *
 * The file may be written in place, replaced, or reached over links that change, as in a mounted Kubernetes secret. A new
 * file with a fault, an empty file and a missing one are reported to `onError`, and the keys in use stay in use. A key that
 * is removed, or whose name or expiry changes, is revoked: the connections that it has admitted end with `REFUSED`.
 *
 * @param path the file, of at most 1 MiB, that only its owner can access
 * @throws TransportError `INVALID_OPTION` for a file with a fault or without keys
 *
 * @example
 * ```ts
 * const gate = apiKeyFile('/etc/mcp/keys', { onError: (error) => console.error(error.message) })
 * ```
 */
export function apiKeyFile(path: string, given: ApiKeyFileOptions = {}): ApiKeyFileGate {
  const settings = table.read(given)
  text().check('path', path)
  const { clock, onError, settleMs, pollIntervalMs } = settings
  const file = resolve(path)

  let polling: Disposable | undefined
  let settling: Disposable | undefined
  let isDisposed = false
  const changed = (): void => {
    if (!isDisposed) settling ??= clock.deadline(settleMs, check)
  }
  const watch = watchFiles([file], changed)
  const read = (): FileState => {
    // Watched before it is read: a change in between is noticed.
    polling?.[Symbol.dispose]()
    polling = watch.renew() ? undefined : clock.deadline(pollIntervalMs, changed)
    return stateOf(file, settings)
  }
  const dispose = (): void => {
    isDisposed = true
    for (const each of [watch, settling, polling]) each?.[Symbol.dispose]()
  }

  const first = read()
  if (!first.entries || first.entries.length === 0) {
    dispose()
    throw optionError(
      'path',
      `is no file of API keys: ${file}: ${first.fault ?? 'it has no keys'}`,
      {},
      first.cause,
    )
  }
  let keys = update([], first.entries)
  let inUse = first.content
  let latest = first.content
  let rejected: string | undefined
  const check = (): void => {
    settling = undefined
    const state = read()
    const isSettled = state.content === latest
    latest = state.content
    if (latest === inUse) {
      rejected = undefined
      return
    }
    if (!isSettled) changed()
    else if (state.entries) {
      const before = keys
      keys = update(before, state.entries)
      inUse = latest
      rejected = undefined
      for (const { controller } of before.filter((key) => !keys.includes(key)))
        controller.abort(new Error('the API key was revoked'))
    } else if (onError && latest !== rejected) {
      rejected = latest
      const error = optionError(
        'path',
        `has a new file that was rejected: ${file}: ${state.fault}`,
        {},
        state.cause,
      )
      guarded(() => onError(error), ignore)
    }
  }
  return { admit: admitByKey(() => keys, settings), [Symbol.dispose]: dispose }
}

/** The result of reading the file. */
interface FileState {
  /** The digest of the text, or the fault. */
  readonly content: string
  readonly entries?: readonly KeyEntry[]
  readonly fault?: string
  readonly cause?: unknown
}

function stateOf(file: string, limits: KeyFileLimits): FileState {
  let content: string | undefined
  try {
    const keys = readKeyFile(file, limits)
    content = digestOf(keys).toString('hex')
    return { content, entries: parseKeyFile(keys) }
  } catch (cause) {
    const fault = toError(cause).message
    return { content: content ?? `fault: ${fault}`, fault, cause }
  }
}

interface WatchedKey extends RevocableEntry {
  readonly controller: AbortController
}

/** The new keys. Those that are the same as before stay the same object, with the connections that they have admitted. */
function update(before: readonly WatchedKey[], entries: readonly KeyEntry[]): readonly WatchedKey[] {
  return entries.map((entry) => {
    const same = before.find(
      ({ name, digest, expiresAt }) =>
        name === entry.name && expiresAt === entry.expiresAt && digest.equals(entry.digest),
    )
    if (same) return same
    const controller = new AbortController()
    return { ...entry, controller, revoked: controller.signal }
  })
}
