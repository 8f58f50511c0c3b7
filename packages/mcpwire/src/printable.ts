/** The text as one line without control characters: a server must not send escape sequences to the terminal. */
export function printable(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
    .trim()
}
