import type { TransportError } from '@mcpwire/core'

/** Which end options are about: the server, or those who call with `--listen`. */
export type End = 'server' | 'caller'

/** What packages call their options, and what the command line calls them. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['maxMessageBytes', '--max-message-bytes'],
  ['closeTimeoutMs', '--close-timeout-ms'],
  ['maxConnections', '--max-connections'],
])

const TLS_WORDS: Readonly<Record<End, ReadonlyMap<string, string>>> = {
  server: new Map([
    ['tls.ca', '--tls-ca'],
    ['tls.cert', '--tls-cert'],
    ['tls.key', '--tls-key'],
    ['tls.serverName', '--tls-server-name'],
  ]),
  caller: new Map([
    ['tls.ca', '--listen-ca'],
    ['tls.cert', '--listen-cert'],
    ['tls.key', '--listen-key'],
  ]),
}

/** Options of the command line that are called as packages call them. */
const SAME: readonly string[] = ['cwd', 'env', 'inherit']

/** What is no option here, but part of where the server is. */
const PLACES: ReadonlyMap<string, string> = new Map([
  ['endpoint', 'the URL'],
  ['url', 'the URL'],
  ['path', 'the path in the URL'],
  ['command', 'the command'],
  ['args', 'the arguments of the command'],
])

/** The text with options as the command line has them, where a package speaks of its own. */
export function inWordsOfCommandLine(text: string, end: End): string {
  return (
    text
      // Content instead of a file is for programs.
      .replace(/, or tls\.\w+File,?/g, '')
      .replaceAll(' (tls.minVersion)', '')
      .replaceAll(' (option tls)', ', as at tcps://')
      .replace(/\bwithin connectTimeoutMs \((\d+ ms)\)/g, 'within $1')
      .replace(/; see headers$/, '; see --header')
      .replace(/ \(options? (?:url|auth|headers|proxy|host|port|path)(?:, (?:or )?\w+)?\)/g, '')
      .replace(/\bthe option url\b/g, 'the URL')
      .replace(/\bthe option proxy\b/g, 'HTTP_PROXY or HTTPS_PROXY')
      .replace(/\boption "(\w+)"/g, (text, name: string) => {
        return SAME.includes(name) ? `option --${name}` : (PLACES.get(name) ?? text)
      })
      .replace(
        /\b(tls\.[a-z]+)File\b|\btls\.\w+|\b(?:max|close)[A-Z]\w+/g,
        (name, part: string | undefined) => {
          return TLS_WORDS[end].get(part ?? name) ?? WORDS.get(name) ?? name
        },
      )
  )
}

/** What is wrong with an option, as the command line calls it. */
export function complaintAbout({ message, details }: TransportError<'INVALID_OPTION'>, end: End): string {
  const { option } = details
  if (option === 'gate') return 'callers on other hosts could connect; --allow-remote admits them'
  const place = SAME.includes(option) ? `--${option}` : PLACES.get(option)
  const text = place === undefined ? message : message.replace(`option "${option}"`, place)
  return inWordsOfCommandLine(text, end).replace(/^option "(--[a-z-]+)"/, 'option $1')
}
