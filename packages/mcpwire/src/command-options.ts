import { type Command, InvalidArgumentError, Option } from 'commander'
import { hasHeaders, isSecure } from './endpoint.js'
import { headerLines } from './header-lines.js'
import { UsageError } from './usage-error.js'
import type { Endpoint, EndpointOptions } from './wire.js'

/** Options of a command that runs a server, or connects to one. */
export interface ServerOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly inherit?: 'safe' | 'all' | 'none'
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsServerName?: string
  readonly header?: Readonly<Record<string, string>>
}

/**
 * The options for the transport to the server, from those of the command line. Throws for one that means nothing
 * where the server is.
 */
export function endpointOptions(target: Endpoint, options: ServerOptions): EndpointOptions {
  const { cwd, env, inherit, tlsCa, tlsCert, tlsKey, tlsServerName, header: headers } = options
  const common = { cwd, env, inherit, headers }
  const tls = { caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey, serverName: tlsServerName }
  if (typeof target === 'string')
    refuseGiven({ '--cwd': cwd, '--env': env, '--inherit': inherit }, 'is for a server that a command runs')
  if (!hasHeaders(target))
    refuseGiven({ '--header': headers }, 'is for a server at a URL of HTTP or WebSocket')
  if (typeof target === 'string' && isSecure(target)) return { ...common, tls }
  refuseGiven(
    { '--tls-ca': tlsCa, '--tls-cert': tlsCert, '--tls-key': tlsKey, '--tls-server-name': tlsServerName },
    'is for a server at a URL of tcps://, wss:// or https://',
  )
  return common
}

/** Throws for the first of these flags that was given: what it asks for would not happen. */
export function refuseGiven(flags: Readonly<Record<string, unknown>>, why: string): void {
  const [flag] = Object.entries(flags).find(([, value]) => value !== undefined) ?? []
  if (flag !== undefined) throw new UsageError(`${flag} ${why}`)
}

/** Adds the options of a command that runs a server, or connects to one. */
export function addServerOptions(command: Command): void {
  command
    // Those of a command without "--" in front: see `targetOf`.
    .allowExcessArguments()
    .argument(
      '[url]',
      'the server: http://host:port/path, https://…, ws://…, wss://…, tcp://host:port, tcps://…, unix:/path or unix:@name',
    )
    .option('--cwd <folder>', 'working directory of the server')
    .option('--env <NAME=VALUE>', 'a variable for the server; may be given again', variable)
    .addOption(
      new Option(
        '--inherit <which>',
        'variables it gets of ours: paths, locale, proxies and certificates, all, or none (default: safe)',
      ).choices(['safe', 'all', 'none']),
    )
    .option(
      '--header <"Name: value">',
      'a header for the server at an HTTP or WebSocket URL, or @file with one a line; may be given again',
      headerLines,
    )
    .option('--tls-ca <file>', 'authorities to accept the server of a secure URL from, in PEM')
    .option('--tls-cert <file>', 'certificate to show to it')
    .option('--tls-key <file>', 'private key of that certificate')
    .option('--tls-server-name <name>', 'name its certificate must have')
}

function variable(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Needed is NAME=VALUE.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** Reads a number of at least `min`, whole or `Infinity` where that is the most it may be. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    const isWhole = Number.isInteger(value) || value === Infinity
    if (isWhole && value >= min && value <= max) return value
    const range = max === Infinity ? `of at least ${min}, or Infinity` : `from ${min} to ${max}`
    throw new InvalidArgumentError(`Needed is a whole number ${range}.`)
  }
}
