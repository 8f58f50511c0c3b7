import type { AnswerHead } from '../engine.js'

/** What a server said in place of taking a message. */
export interface Refusal extends AnswerHead {
  readonly text: string
}

/** What is known about the one that was refused. */
export interface RefusedCaller {
  /** Where the request went. */
  readonly url: URL
  /** Whether the application provides credentials. */
  readonly hasAuth: boolean
  readonly retryAfterMs: number | undefined
}

const USUAL_PATH = /\/(?:mcp|sse)\/?$/
/** The most that is shown of what a server says, in characters. */
const MAX_SAID = 120
/** What a server may repeat of what it was sent. */
const CREDENTIAL = /\b(bearer|basic)\s+\S+/gi
const UNPRINTABLE = /[\p{C}\s]+/gu

/** What the status means to whoever has to do something about it, where anything is known. */
export function meaningOf(
  refusal: Refusal,
  { url, hasAuth, retryAfterMs }: RefusedCaller,
): string | undefined {
  const { status, header } = refusal
  if (retryAfterMs !== undefined) return `ask again in ${Math.ceil(retryAfterMs / 1_000)} s (Retry-After)`
  if (status >= 300 && status < 400) return redirectWords(header('location'), url)
  if (status >= 500) return saidBy(refusal.text)
  if (status === 401)
    return hasAuth
      ? 'it does not take the credential (option auth)'
      : 'it wants a credential (option auth, or headers)'
  if (status === 403)
    return /insufficient_scope/i.test(header('www-authenticate') ?? '')
      ? 'the token grants too little (insufficient_scope)'
      : 'it does not admit this caller, or does not know this Host or Origin'
  if (status === 404 || status === 405)
    return `is the path right (option url)?${USUAL_PATH.test(url.pathname) ? '' : ' MCP servers mostly answer at /mcp'}`
  return undefined
}

/** Where to, without what may be a secret in it. */
function redirectWords(location: string | undefined, from: URL): string {
  if (location === undefined || !URL.canParse(location, from)) return 'it redirects without saying where'
  const { origin, protocol, pathname } = new URL(location, from)
  const place = origin === 'null' ? protocol : origin + pathname
  return `it redirects to ${place}; if that is right, make it the option url`
}

/** The first words of a text for people, which a page is not. */
function saidBy(text: string): string | undefined {
  if (/^\s*</.test(text)) return undefined
  const words = text.replace(UNPRINTABLE, ' ').replace(CREDENTIAL, '$1 …').trim()
  return words.length > MAX_SAID ? `${words.slice(0, MAX_SAID)}…` : words || undefined
}
