const LF = '\n'
/** As many as tell a line of data, or of an id, from others. */
const NAME_CHARACTERS = 5
/** A longer id cannot be sent back: as UTF-8 it would not fit into the headers that servers accept, mostly 16 KiB. */
const MAX_ID_CHARACTERS = 4_096

/** An event that is nothing but an id, and where in the text it ends. */
export interface LoneId {
  readonly id: string
  readonly end: number
}

/**
 * Finds events without data that have an id. They count for where a stream is resumed (HTML, Server-sent events:
 * dispatching sets the last event id first), but the parser skips them whole. Reads text whose lines end in LF.
 */
export class LoneIds {
  /** The id in the event so far. */
  #id: string | undefined
  #hasData = false
  /** The beginning of the last line, as much of it as says what it is; all of it where it is an id. */
  #started = ''
  #isIdStarted = false

  /** Whether the text has to be read: one of whole events without ids need not be. */
  mayBeIn(text: string): boolean {
    const isBetween = this.#id === undefined && !this.#hasData && this.#started === ''
    return !isBetween || !text.endsWith('\n\n') || text.startsWith('id') || text.includes('\nid')
  }

  /** Reads on from there. After the last one, the next text is to be read from its beginning. */
  next(text: string, from: number): LoneId | undefined {
    let at = from
    while (at < text.length) {
      const end = text.indexOf(LF, at)
      if (end === -1) {
        this.#begin(text.slice(at))
        return undefined
      }
      const line = this.#started + text.slice(at, end)
      this.#started = ''
      at = end + 1
      if (line !== '') {
        this.#field(line)
        continue
      }
      const id = this.#over()
      if (id !== undefined) return { id, end: at }
    }
    return undefined
  }

  reset(): void {
    this.#over()
    this.#started = ''
  }

  #begin(rest: string): void {
    if (this.#started.length < NAME_CHARACTERS) {
      const started = this.#started + rest.slice(0, MAX_ID_CHARACTERS + NAME_CHARACTERS)
      this.#isIdStarted = STARTS_AS_ID.test(started)
      this.#started = this.#isIdStarted ? started : started.slice(0, NAME_CHARACTERS)
    } else if (this.#isIdStarted && this.#started.length <= MAX_ID_CHARACTERS + NAME_CHARACTERS) {
      this.#started += rest.slice(0, MAX_ID_CHARACTERS)
    }
  }

  #field(line: string): void {
    if (line === 'data' || line.startsWith('data:')) this.#hasData = true
    else if (line === 'id') this.#id = ''
    else if (line.startsWith('id:')) {
      const value = line.slice(line[3] === ' ' ? 4 : 3)
      if (isUsableId(value)) this.#id = value
    }
  }

  /** The event ends; its id, if it had nothing else. */
  #over(): string | undefined {
    const id = this.#hasData ? undefined : this.#id
    this.#id = undefined
    this.#hasData = false
    return id
  }
}

const STARTS_AS_ID = /^(?:i|id|id:.*)$/s

/** Whether a stream can be resumed behind an event with that id. */
export function isUsableId(id: string): boolean {
  return id.length <= MAX_ID_CHARACTERS && !id.includes('\0')
}
