/*
 * The envelope of a malformed message: its id, and whether it is a request or a response. For text that is no JSON, or
 * too long to parse, the envelope comes from a bounded look at its start and its end.
 */
import { isRequestId, type RequestId } from '../contract/message.js'

/** The members of a malformed message that decide how it is handled. */
export interface Envelope {
  /** The id. `null` where it is not usable; `undefined` where there is none, or where it was not found. */
  readonly id: RequestId | null | undefined
  /** Whether a `method` other than `null` is present, or `params`. */
  readonly hasMethod: boolean
  /** Whether a `result` or an `error` is present. */
  readonly hasOutcome: boolean
  /** Whether a `jsonrpc` member is present. */
  readonly hasVersion: boolean
  /** Whether members are present that JSON-RPC does not define. */
  readonly hasOthers: boolean
  /** Whether all members are known. `false` for text that was not read to its end. */
  readonly isComplete: boolean
}

/** The longest part of a text that is searched, in UTF-16 units. */
export const LOOK_CHARACTERS = 65_536
/** The length of the end of a long text that is searched, in UTF-16 units. */
export const LOOK_AT_END_CHARACTERS = 1_024

class Members implements Envelope {
  id: RequestId | null | undefined
  hasMethod = false
  hasOutcome = false
  hasVersion = false
  hasOthers = false
  isComplete = false

  /** `value` is not called unless the value matters. */
  add(name: string, value: () => unknown): void {
    if (name === 'id') this.#addId(value())
    else if (name === 'method') this.hasMethod ||= value() !== null
    else if (name === 'result' || name === 'error') this.hasOutcome = true
    else if (name === 'jsonrpc') this.hasVersion = true
    else if (name === 'params') this.hasMethod = true
    else this.hasOthers = true
  }

  #addId(value: unknown): void {
    const id = isRequestId(value) ? value : null
    // Of two different ids, neither is certain.
    this.id = this.id === undefined || this.id === id ? id : null
  }
}

/** The envelope of a parsed value; `undefined` for a value that is no object. */
export function envelopeOf(value: unknown): Envelope | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = new Members()
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) members.add(name, () => member)
  }
  members.isComplete = true
  return members
}

/**
 * The envelope of a text that is no JSON, or of the start of a long one; `undefined` for a text that does not begin like
 * an object. `end` is the end of the text, where only its start is at hand.
 */
export function envelopeIn(start: string, end?: string): Envelope | undefined {
  const members = new Members()
  if (!readMembers(start.slice(0, LOOK_CHARACTERS), members)) return undefined
  const rest = end ?? (start.length > LOOK_CHARACTERS ? start : undefined)
  // Not for a short text: it may be cut off, and then ends with the id of something else.
  if (rest !== undefined && members.id === undefined) {
    const id = idAtEnd(rest)
    if (id !== undefined) members.add('id', () => id)
  }
  return members
}

/** Whether an object or an array begins in the text and does not end: the text of a message that is cut off. */
export function isCutOff(text: string): boolean {
  const from = skipSpace(text, 0)
  if (text[from] !== '{' && text[from] !== '[') return false
  // With one more character, an end at the last position differs from none.
  return endOfValue(`${text} `, from) > text.length
}

/** Reads the members of the object that the text begins with, as far as they are JSON. */
function readMembers(text: string, members: Members): boolean {
  let at = skipSpace(text, 0)
  if (text[at] !== '{') return false
  at = skipSpace(text, at + 1)
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at)
    const colon = skipSpace(text, nameEnd)
    if (text[colon] !== ':') return true
    const valueStart = skipSpace(text, colon + 1)
    const valueEnd = endOfValue(text, valueStart)
    const name = text.slice(at + 1, nameEnd - 1)
    const isWhole = valueEnd < text.length
    // A cut-off value of an id or a method is not certain.
    if (isWhole || name !== 'id') members.add(name, () => parsed(text.slice(valueStart, valueEnd)))
    at = skipSpace(text, valueEnd)
    if (text[at] !== ',') break
    at = skipSpace(text, at + 1)
  }
  members.isComplete = text[at] === '}'
  return true
}

/** The value of a piece of JSON; `undefined` where it is none. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const SPACE = /[^\s\ufeff]/g
const SCALAR_END = /[,}\]\s]/g
const STRUCTURE = /["{}[\]]/g

function skipSpace(text: string, from: number): number {
  return search(text, SPACE, from)
}

/** The position behind the string that begins at `from`; the length of the text where it does not end. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (text[at - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return at + 1
  }
  return text.length
}

/** The position behind the value that begins at `from`. */
function endOfValue(text: string, from: number): number {
  const first = text[from]
  if (first === '"') return endOfString(text, from)
  if (first !== '{' && first !== '[') return search(text, SCALAR_END, from)
  let depth = 0
  let at = from
  while (at < text.length) {
    at = search(text, STRUCTURE, at)
    const found = text[at]
    if (found === '"') {
      at = endOfString(text, at)
      continue
    }
    at++
    if (found === '{' || found === '[') depth++
    else if (--depth === 0) return at
  }
  return text.length
}

/** The position of the first match; the length of the text where there is none. */
function search(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}

/** The last members of an object: the id, then at most a version or another short value. SDK v1 writes the id last. */
const ID_AT_END =
  /[,{]\s*"id"\s*:\s*(-?\d{1,16}|"(?:[^"\\]|\\.)*")\s*(?:,\s*"\w+"\s*:\s*(?:"[^"\\]*"|-?[\d.]+|true|false|null)\s*)?\}\s*$/

function idAtEnd(text: string): RequestId | undefined {
  const id = parsed(ID_AT_END.exec(text.slice(-LOOK_AT_END_CHARACTERS))?.[1] ?? '')
  return isRequestId(id) ? id : undefined
}
