/**
 * Makes each CR and CRLF of a text in pieces a LF: a stream of events may end its lines in any of them (HTML,
 * Server-sent events: parsing). What reads on has then one character to look for.
 */
export class LineEnds {
  /** Whether a line feed, if it comes next, still belongs to the end of the last line. */
  #endedInCr = false

  asLineFeeds(text: string): string {
    const rest = this.#endedInCr && text.startsWith('\n') ? text.slice(1) : text
    if (text !== '') this.#endedInCr = text.endsWith('\r')
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/g, '\n') : rest
  }

  reset(): void {
    this.#endedInCr = false
  }
}
