const NOT_LATIN_1 = /[\u0100-\uffff]/

/** The bytes of a text in memory, as V8 keeps it: one for each character of Latin-1, or else two for each. */
export function stringBytes(text: string): number {
  return NOT_LATIN_1.test(text) ? text.length * 2 : text.length
}

/** The length of a text in UTF-8, counted without encoding it. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    bytes += 1
    // Each half of a surrogate pair takes two of its four bytes.
    if (unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff)) bytes += 1
  }
  return bytes
}
