import type { HeaderRecord } from '@mcpwire/core/authoring'

// The text of a response for errors: short, printable, and without secrets of the client.

/** The parts of a response whose text an error shows. */
export interface ShownResponse {
  readonly status: number
  readonly text: string
  /** The headers that were sent, by lower-case name. */
  readonly sent?: HeaderRecord | undefined
}

/** The most of a server's text that is shown, in characters. */
const MAX_TEXT = 120
/** Headers of the client's own, which are no secrets. */
const PUBLIC_HEADERS =
  /^(?:accept|accept-encoding|content-type|mcp-(?:session-id|protocol-version|method|name|param-.+))$/
/** The shortest secret that is hidden, in characters: a shorter one is part of many words. */
const MIN_SECRET = 6
const CREDENTIAL = /\b(bearer|basic)\s+\S+/gi
const UNPRINTABLE = /[\p{C}\s]+/gu
const IS_PAGE = /^\s*</
const TITLE = /<title\b[^>]*>([^<]*)/i

/** The start of the text as `: TEXT`, empty where there is none. Of a page it is the title. */
export function serverText(url: URL, { status, text, sent = {} }: ShownResponse): string {
  // The text of a redirect is its target, which may contain a secret.
  if (status >= 300 && status < 400) return ''
  const isPage = IS_PAGE.test(text)
  let shown = isPage ? (TITLE.exec(text)?.[1] ?? '') : reasonIn(text)
  if (url.search) shown = shown.replaceAll(url.search, '?…')
  for (const secret of secretsIn(sent, url)) shown = shown.replaceAll(secret, '…')
  shown = shown.replace(UNPRINTABLE, ' ').replace(CREDENTIAL, '$1 …').trim().replace(/\.+$/, '')
  if (shown === '') return ''
  const cut = shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT)}…` : shown
  return isPage ? `: a page with the title "${cut}"` : `: ${cut}`
}

/** The values sent that may be secrets, the longest first: one may contain another. */
function secretsIn(sent: HeaderRecord, { search, searchParams }: URL): string[] {
  const values = partsOf(search)
  searchParams.forEach((value) => {
    values.push(value)
  })
  for (const [name, value] of Object.entries(sent)) {
    if (PUBLIC_HEADERS.test(name)) continue
    if (name !== 'authorization') values.push(value)
    values.push(...partsOf(value))
  }
  return values.filter(({ length }) => length >= MIN_SECRET).sort((one, other) => other.length - one.length)
}

/** The values within a value, such as those of cookies, without their names. */
function partsOf(value: string): string[] {
  return value.split(/[;,&]/).flatMap((part) => {
    const word = part.slice(part.lastIndexOf(' ') + 1)
    return [word, word.slice(word.indexOf('=') + 1)]
  })
}

/** The reason in a JSON body of a usual form, or else the whole text. */
function reasonIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text)
    return reasonOf(Array.isArray(body) && body.length === 1 ? body[0] : body) ?? text
  } catch {
    return text
  }
}

/** The reason in JSON-RPC, problem details (RFC 9457), OAuth (RFC 6749, section 5.2), and errors of web frameworks. */
function reasonOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { error, error_description, title, detail, message } = body as Readonly<Record<string, unknown>>
  const nested = (error as { readonly message?: unknown } | null | undefined)?.message
  for (const each of [[nested], [error, error_description ?? message], [title, detail]]) {
    const texts = each.filter((part) => typeof part === 'string' && part !== '')
    if (texts.length > 0) return texts.join(': ')
  }
  return typeof message === 'string' ? message : undefined
}
