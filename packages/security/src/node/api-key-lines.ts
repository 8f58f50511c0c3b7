import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { digestOf, faultOfKey, type KeyEntry } from './api-key-list.js'

/** What a file of keys must fulfil. */
export interface KeyFileLimits {
  readonly maxFileBytes: number
  readonly requirePrivateFile: boolean
}

const OTHERS_CAN_ACCESS = 0o077

/** A date, or a date with a time and a zone (RFC 3339). A date alone is its beginning in UTC. */
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/

/** The text of the file. Throws for a file that is no regular file, too large or not private. */
export function readKeyFile(path: string, { maxFileBytes, requirePrivateFile }: KeyFileLimits): string {
  // Opening a named pipe would otherwise wait for its writer. The facts are those of the opened file.
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const facts = fstatSync(descriptor)
    if (!facts.isFile()) throw new Error('it is no regular file')
    if (requirePrivateFile && process.platform !== 'win32' && (facts.mode & OTHERS_CAN_ACCESS) !== 0) {
      const mode = (facts.mode & 0o777).toString(8).padStart(4, '0')
      throw new Error(
        `other users can access it (mode ${mode}): use chmod 600, or see option "requirePrivateFile"`,
      )
    }
    if (facts.size > maxFileBytes) throw new Error(`it exceeds maxFileBytes (${maxFileBytes})`)
    return readText(descriptor, maxFileBytes)
  } finally {
    closeSync(descriptor)
  }
}

/** Reads to the end, also of a file that grows meanwhile, but not beyond the limit. */
function readText(descriptor: number, maxBytes: number): string {
  const buffer = Buffer.allocUnsafe(maxBytes === Infinity ? 65_536 : Math.min(maxBytes + 1, 65_536))
  const chunks: Buffer[] = []
  let total = 0
  for (;;) {
    const length = readSync(descriptor, buffer)
    total += length
    if (total > maxBytes) throw new Error(`it exceeds maxFileBytes (${maxBytes})`)
    if (length === 0) break
    chunks.push(Buffer.from(buffer.subarray(0, length)))
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

/**
 * The keys in the text of a file: `name key` in each line, optionally with an expiry. Throws for an invalid line, with its
 * number and without its text.
 */
export function parseKeyFile(text: string): readonly KeyEntry[] {
  // An editor that saves empties the file first.
  if (text.trim() === '') throw new Error('it is empty; to revoke all keys, leave a comment in it')
  const entries: KeyEntry[] = []
  const seen = new Set<string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.trim()
    if (content === '' || content.startsWith('#')) continue
    const entry = parseLine(content, `line ${index + 1}`)
    const digest = entry.digest.toString('hex')
    if (seen.has(digest)) throw new Error(`line ${index + 1} repeats a key: one key identifies one caller`)
    seen.add(digest)
    entries.push(entry)
  }
  return entries
}

function parseLine(line: string, place: string): KeyEntry {
  const [name, key, expiry, ...rest] = line.split(/[ \t]+/)
  if (key === undefined || rest.length > 0)
    throw new Error(`${place} must be: name, key and, optionally, an expiry`)
  const fault = faultOfKey(name, key)
  if (fault !== undefined) throw new Error(`${place} must be ${fault}`)
  const expiresAt = expiry === undefined ? Infinity : DATE.test(expiry) ? Date.parse(expiry) : Number.NaN
  if (Number.isNaN(expiresAt))
    throw new Error(`${place} must have an expiry such as 2027-01-31 or 2027-01-31T12:00:00Z`)
  return { name: String(name), digest: digestOf(key), scopes: [], expiresAt }
}
