/** The purpose of a URL, which is also the name of its option. */
export type UrlPurpose = 'endpoint' | 'listen'

const LOOPBACK = '127.0.0.1'
const MAX_PORT = 65_535

/** `4301`, `:4301/mcp`, `localhost:4301`, `[::1]:80/mcp`: a port, with or without a host and a path. */
const WITH_PORT = /^(?:(?<host>[a-z\d.-]*|\[[\da-f:.]+\]):)?(?<port>\d{1,5})(?<path>\/[^\s?#@]*)?$/i
/** `localhost/mcp`, `127.0.0.1`, `tools.example/mcp`: a host without a port. */
const HOST_ONLY =
  /^(?<host>localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]|(?:[a-z\d-]+\.)+[a-z]{2,}(?=\/))(?<path>\/[^\s?#@]*)?$/i
/** `//host/mcp`, `https//host/mcp`: a URL that lost its scheme or its colon. */
const BROKEN_SCHEME = /^(?<scheme>https?|wss?|tcps?)?\/\/(?<rest>[a-z\d[][^\s?#@]*)$/i

/**
 * The URLs that a text without a usable scheme probably means, most likely first. Empty for any other text, such as a
 * command.
 *
 * @example
 * ```ts
 * suggestedUrls('localhost:4301', 'listen') // ['http://localhost:4301/mcp', 'tcp://localhost:4301']
 * ```
 */
export function suggestedUrls(text: string, purpose: UrlPurpose): string[] {
  const broken = BROKEN_SCHEME.exec(text)?.groups
  if (broken?.['rest']) return [`${(broken['scheme'] ?? 'http').toLowerCase()}://${broken['rest']}`]
  const { host = '', port, path } = (WITH_PORT.exec(text) ?? HOST_ONLY.exec(text))?.groups ?? {}
  if (port !== undefined) return Number(port) > MAX_PORT ? [] : urlsOf(`${host || LOOPBACK}:${port}`, path)
  if (host !== '')
    return purpose === 'listen'
      ? []
      : [`${/^[a-z]/i.test(host) && host !== 'localhost' ? 'https' : 'http'}://${host}${path ?? '/mcp'}`]
  const isSocket = purpose === 'listen' ? /^(?:[/@]|\.{1,2}\/)\S+$/ : /^(?:[/.]\S*\.sock(?:et)?|@\S+)$/
  return isSocket.test(text) ? [`unix:${text}`] : []
}

/** A path is a sign of HTTP. Without one, TCP is as likely. */
function urlsOf(authority: string, path: string | undefined): string[] {
  if (path !== undefined) return [`http://${authority}${path}`]
  return [`http://${authority}/mcp`, `tcp://${authority}`]
}
