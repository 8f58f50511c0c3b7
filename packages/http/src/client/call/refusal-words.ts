import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { AnswerHead } from '../../engines/engine.js'

/** What a server said in place of taking a message. */
export interface Refusal extends AnswerHead {
  readonly text: string
  /** The headers that were sent, by lower-case name. */
  readonly sent?: HeaderRecord | undefined
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
/** Headers of the client's own, which are no secret. */
const TOLD = /^(?:accept|content-type|mcp-(?:session-id|protocol-version|method|name|param-.+))$/
/** The shortest credential that nobody guesses, in characters; a shorter one is a part of many words. */
const LEAST_SECRET = 6
/** What a server may repeat of what it was sent. */
const CREDENTIAL = /\b(bearer|basic)\s+\S+/gi
const UNPRINTABLE = /[\p{C}\s]+/gu

/** What the server said, and what the status means to whoever has to do something about it. */
export function meaningOf(refusal: Refusal, caller: RefusedCaller): string | undefined {
  const { status } = refusal
  // What those say is where to, perhaps with a secret.
  const said = status >= 300 && status < 400 ? undefined : saidBy(refusal, caller.url)
  const hint = hintAt(refusal, caller)
  return said && hint ? `${said}; ${hint}` : (said ?? hint)
}

function hintAt(refusal: Refusal, { url, hasAuth, retryAfterMs }: RefusedCaller): string | undefined {
  const { status, header } = refusal
  if (retryAfterMs !== undefined) return `ask again in ${Math.ceil(retryAfterMs / 1_000)} s (Retry-After)`
  if (status >= 300 && status < 400) return redirectWords(header('location'), url)
  if (status === 401) return credentialWords(refusal.sent?.['authorization'] !== undefined, hasAuth)
  if (status === 403)
    return /insufficient_scope/i.test(header('www-authenticate') ?? '')
      ? 'the token grants too little (insufficient_scope)'
      : 'it does not admit this caller, or does not know this Host or Origin'
  if (status === 404 || status === 405)
    return `is the path right (option url)?${USUAL_PATH.test(url.pathname) ? '' : ' MCP servers mostly answer at /mcp'}`
  if (status === 426 && /websocket/i.test(header('upgrade') ?? ''))
    return 'is wsClient meant, and ws:// in the option url?'
  return undefined
}

function credentialWords(wasGiven: boolean, hasAuth: boolean): string {
  if (wasGiven) return `it does not take the credential (option ${hasAuth ? 'auth' : 'headers'})`
  return hasAuth
    ? 'it wants a credential, and auth.token() yielded none'
    : 'it wants a credential (option auth, or headers)'
}

/** Where to, without what may be a secret in it. */
function redirectWords(location: string | undefined, from: URL): string {
  if (location === undefined || !URL.canParse(location, from)) return 'it redirects without saying where'
  const { origin, protocol, pathname } = new URL(location, from)
  const place = origin === 'null' ? protocol : origin + pathname
  return `it redirects to ${place}; if that is right, make it the option url`
}

/** The first words for people, which those of a page are not. Nothing in them is what the client keeps secret. */
function saidBy({ text, sent = {} }: Refusal, url: URL): string | undefined {
  if (/^\s*</.test(text)) return undefined
  let words = messageIn(text)
  if (url.search) words = words.replaceAll(url.search, '?…')
  for (const secret of secretsIn(sent, url)) words = words.replaceAll(secret, '…')
  words = words.replace(UNPRINTABLE, ' ').replace(CREDENTIAL, '$1 …').trim().replace(/\.+$/, '')
  return words.length > MAX_SAID ? `${words.slice(0, MAX_SAID)}…` : words || undefined
}

/** What may be a secret of what was sent, the longest first: one may be a part of another. */
function secretsIn(sent: HeaderRecord, { search, searchParams }: URL): string[] {
  const values = partsOf(search)
  searchParams.forEach((value) => {
    values.push(value)
  })
  for (const [name, value] of Object.entries(sent)) {
    if (TOLD.test(name)) continue
    if (name !== 'authorization') values.push(value)
    values.push(...partsOf(value))
  }
  return values.filter(({ length }) => length >= LEAST_SECRET).sort((one, other) => other.length - one.length)
}

/** The values within one, such as those of cookies, without what they are called. */
function partsOf(value: string): string[] {
  return value.split(/[;,&]/).flatMap((part) => {
    const word = part.slice(part.lastIndexOf(' ') + 1)
    return [word, word.slice(word.indexOf('=') + 1)]
  })
}

/** The message of a JSON-RPC error, or else all of it. */
function messageIn(text: string): string {
  try {
    const message: unknown = JSON.parse(text)?.error?.message
    return typeof message === 'string' ? message : text
  } catch {
    return text
  }
}
