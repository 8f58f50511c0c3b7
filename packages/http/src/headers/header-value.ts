const PREFIX = '=?base64?'
const SUFFIX = '?='
/** What a header carries as it is: visible ASCII, with blanks inside only. A tab is legal, yet some proxies eat it. */
const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/
/** What may stand in a header that somebody else wrote (RFC 9110, section 5.5, without what is obsolete). */
const LEGAL = /^[\t\x20-\x7e]*$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The text as the value of a header: as it is where a header can carry it, else its UTF-8 in Base64 between markers
 * (2026-07-28, Streamable HTTP, Value Encoding). A lone surrogate, which UTF-8 has not, becomes U+FFFD.
 */
export function encodeHeaderValue(text: string): string {
  return isPlain(text) ? text : `${PREFIX}${toBase64(text)}${SUFFIX}`
}

/** Whether the text is its own value in a header. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text) && !(text.startsWith(PREFIX) && text.endsWith(SUFFIX))
}

/** The text that the value of a header stands for, or nothing where it is no value that means any. */
export function decodeHeaderValue(value: string): string | undefined {
  const isEncoded =
    value.length >= PREFIX.length + SUFFIX.length && value.startsWith(PREFIX) && value.endsWith(SUFFIX)
  if (!isEncoded) return LEGAL.test(value) ? value : undefined
  const base64 = value.slice(PREFIX.length, -SUFFIX.length)
  return BASE64.test(base64) ? fromBase64(base64) : undefined
}

/** The text as it is once it has been UTF-8. */
export function wellFormed(text: string): string {
  return LONE_SURROGATE.test(text)
    ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoder.encode(text))
    : text
}

const LONE_SURROGATE = /\p{Cs}/u
const encoder = new TextEncoder()

function toBase64(text: string): string {
  let binary = ''
  for (const byte of encoder.encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function fromBase64(base64: string): string | undefined {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
