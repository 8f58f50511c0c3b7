import type { RefusedAnswer } from './refused-answer.js'

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
export function meaningOf(answer: RefusedAnswer, caller: RefusedCaller): string | undefined {
  const { status } = answer
  if (status >= 300 && status < 400) return redirectWords(answer, caller.url)
  if (status >= 500 && status !== 503) return saidBy(answer)
  return meanings[status]?.(answer, caller)
}

const meanings: Readonly<
  Record<number, (answer: RefusedAnswer, caller: RefusedCaller) => string | undefined>
> = {
  401: (_, { hasAuth }) =>
    hasAuth
      ? 'it does not take the credential, or wants another one (option auth)'
      : 'it wants a credential (option auth, or headers)',
  403: ({ header }) =>
    /insufficient_scope/i.test(header('www-authenticate') ?? '')
      ? 'the token grants too little (insufficient_scope)'
      : 'it does not admit this caller; servers that guard against other sites refuse a Host or Origin they do not know',
  404: (_, { url }) =>
    USUAL_PATH.test(url.pathname)
      ? 'nothing answers at that path (option url)'
      : 'is the path right (option url)? MCP servers mostly answer at /mcp',
  405: () => 'it takes no such request at that path (option url)',
  407: () => 'the proxy wants a credential (user and password in the option proxy)',
  413: () => 'the message is too long for it',
  421: () => 'it is not the server for that host (option url)',
  429: (_, caller) => retryWords('too many requests', caller),
  503: (_, caller) => retryWords('it has no room now', caller),
}

function retryWords(why: string, { retryAfterMs }: RefusedCaller): string {
  return retryAfterMs === undefined
    ? why
    : `${why}; ask again in ${Math.ceil(retryAfterMs / 1_000)} s (Retry-After)`
}

/** Where to, without what may be a secret in it. */
function redirectWords({ status, header }: RefusedAnswer, from: URL): string {
  const location = header('location')
  if (location === undefined || !URL.canParse(location, from)) return 'it redirects without saying where'
  const to = new URL(location, from)
  const place = to.origin === 'null' ? to.protocol : `${to.origin}${to.pathname}`
  if (to.origin !== from.origin)
    return `it redirects to ${place}, another origin; if that is right, make it the option url`
  if (status !== 307 && status !== 308)
    return `it redirects to ${place} in a way that drops the message; make it the option url`
  return `it redirects again and again, at last to ${place}`
}

/** The first words of a text for people. */
function saidBy({ text, header }: RefusedAnswer): string | undefined {
  const isPage = /html/i.test(header('content-type') ?? '') || text.trimStart().startsWith('<')
  const said = isPage ? (/<title[^>]*>([^<]*)/i.exec(text)?.[1] ?? '') : text
  const words = said.replace(UNPRINTABLE, ' ').replace(CREDENTIAL, '$1 …').trim()
  if (words === '') return undefined
  return words.length > MAX_SAID ? `${words.slice(0, MAX_SAID)}…` : words
}
