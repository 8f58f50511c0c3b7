const LF = '\n'
const CR = '\r'
/** As many as tell a line of data from others. */
const NAME_CHARACTERS = 5

/** An event that is nothing but an id, and where in the text it ends. */
export interface LoneId {
  readonly id: string
  readonly end: number
}

/**
 * Finds events without data that have an id. They count for where a stream is resumed (HTML, Server-sent events:
 * dispatching sets the last event id first), but the parser skips them whole.
 */
export class LoneIds {
  /** The id in the event so far. */
  #id: string | undefined
  #hasData = false
  /** The beginning of the last line, as much of it as says what it is. */
  #started = ''
  /** Whether a line feed, if it comes next, still belongs to the end of the last line. */
  #endedInCr = false

  /** Whether the text has to be read: one of whole events without ids need not be. */
  mayBeIn(text: string): boolean {
    const isBetween = this.#id === undefined && !this.#hasData && this.#started === '' && !this.#endedInCr
    return (
      !isBetween ||
      !text.endsWith('\n\n') ||
      text.startsWith('id') ||
      text.includes('\nid') ||
      text.includes('\rid')
    )
  }

  /** Reads on from there. After the last one, the next text is to be read from its beginning. */
  next(text: string, from: number): LoneId | undefined {
    let at = this.#endedInCr && text.startsWith(LF, from) ? from + 1 : from
    this.#endedInCr = false
    const hasCr = text.includes(CR, at)
    while (at < text.length) {
      const end = hasCr ? endOfLine(text, at) : text.indexOf(LF, at)
      if (end === -1) {
        this.#begin(text.slice(at))
        return undefined
      }
      const line = this.#started + text.slice(at, end)
      this.#started = ''
      at = end + 1
      if (text[end] === CR) {
        this.#endedInCr = at === text.length
        if (text[at] === LF) at++
      }
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
    this.#endedInCr = false
  }

  #begin(rest: string): void {
    // Of other lines the first few characters say all there is to know. The parser limits how long an id may be.
    const isId = (this.#started || rest).startsWith('i')
    const kept = this.#started + (isId ? rest : rest.slice(0, NAME_CHARACTERS))
    this.#started = isId ? kept : kept.slice(0, NAME_CHARACTERS)
  }

  #field(line: string): void {
    if (line === 'data' || line.startsWith('data:')) this.#hasData = true
    else if (line === 'id') this.#id = ''
    else if (line.startsWith('id:')) {
      const value = line.slice(line[3] === ' ' ? 4 : 3)
      if (!value.includes('\0')) this.#id = value
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

function endOfLine(text: string, from: number): number {
  const lf = text.indexOf(LF, from)
  const cr = (lf === -1 ? text.slice(from) : text.slice(from, lf)).indexOf(CR)
  return cr === -1 ? lf : from + cr
}
