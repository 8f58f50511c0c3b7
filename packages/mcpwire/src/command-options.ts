import { type Command, InvalidArgumentError, Option } from 'commander'
import { isSecure } from './endpoint.js'
import type { Endpoint, EndpointOptions } from './endpoint-provider.js'
import { type Variables, variable, variablesFile } from './env-variables.js'
import { headerLines } from './header-lines.js'
import { UsageError } from './program.js'

/** Options of a command that runs a server or connects to one. */
export interface ServerOptions {
  readonly cwd?: string
  readonly env?: Variables
  readonly envFile?: Variables
  readonly inherit?: 'safe' | 'all' | 'none'
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsServerName?: string
  readonly header?: Readonly<Record<string, string>>
}

/**
 * The options for the transport to the server, from those of the command line.
 *
 * @throws UsageError for an option that does not apply to the server
 */
export function endpointOptions(target: Endpoint, options: ServerOptions): EndpointOptions {
  const { cwd, env, envFile, inherit, tlsCa, tlsCert, tlsKey, tlsServerName, header: headers } = options
  const common = { cwd, env: envFile ? { ...envFile, ...env } : env, inherit, headers }
  const tls = { caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey, serverName: tlsServerName }
  if (typeof target === 'string')
    refuseGiven(
      { '--cwd': cwd, '--env': env, '--env-file': envFile, '--inherit': inherit },
      'requires a server that a command runs',
    )
  else refuseGiven({ '--header': headers }, 'requires a server at a URL')
  if (typeof target === 'string' && isSecure(target)) {
    requireBoth({ '--tls-cert': tlsCert, '--tls-key': tlsKey })
    return { ...common, tls }
  }
  refuseGiven(
    { '--tls-ca': tlsCa, '--tls-cert': tlsCert, '--tls-key': tlsKey, '--tls-server-name': tlsServerName },
    'requires a tcps://, wss:// or https:// URL',
  )
  return common
}

/**
 * Refuses flags that would have no effect.
 *
 * @throws UsageError for the first flag that has a value
 */
export function refuseGiven(flags: Readonly<Record<string, unknown>>, why: string): void {
  const [flag] = Object.entries(flags).find(([, value]) => value !== undefined) ?? []
  if (flag !== undefined) throw new UsageError(`${flag} ${why}`)
}

/** @throws UsageError if only one of two flags has a value */
export function requireBoth(flags: Readonly<Record<string, unknown>>): void {
  const [given] = Object.entries(flags).find(([, value]) => value !== undefined) ?? []
  const [missing] = Object.entries(flags).find(([, value]) => value === undefined) ?? []
  if (given !== undefined && missing !== undefined) throw new UsageError(`${given} requires ${missing}`)
}

/** Adds the options of a command that runs a server or connects to one. */
export function addServerOptions(command: Command): void {
  command
    // The operands are a URL, or a command without the "--" in front of it: see `targetOf`.
    .allowExcessArguments()
    .argument(
      '[url]',
      'the server: http://host:port/path, https://…, ws://…, wss://…, tcp://host:port, tcps://…, unix:/path or unix:@name',
    )
    .option('--cwd <folder>', 'working directory of the server')
    .option(
      '--env <NAME[=VALUE]>',
      'environment variable for the server; NAME copies it from this environment; repeatable',
      variable,
    )
    .option(
      '--env-file <file>',
      'file with variables for the server, NAME=VALUE in each line; --env overrides it; repeatable',
      variablesFile,
    )
    .addOption(
      new Option(
        '--inherit <which>',
        'variables the server inherits: "safe" is paths, locale, proxies and certificates (default: safe)',
      ).choices(['safe', 'all', 'none']),
    )
    .option(
      '--header <"Name: value">',
      'header for a server at a URL, or @file with one header per line; repeatable',
      headerLines,
    )
    .option('--tls-ca <file>', 'authorities to accept the certificate of the server from, in PEM')
    .option('--tls-cert <file>', 'client certificate for the server, in PEM')
    .option('--tls-key <file>', 'private key of the client certificate, in PEM')
    .option('--tls-server-name <name>', 'name that the certificate of the server must have')
}

/** A parser for an option that can be repeated. */
export function append(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** A parser for a whole number from `min` to `max`. `Infinity` is allowed if `max` is `Infinity`. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    const isWhole = Number.isInteger(value) || value === Infinity
    if (isWhole && value >= min && value <= max) return value
    const range = max === Infinity ? `of at least ${min}, or Infinity` : `from ${min} to ${max}`
    throw new InvalidArgumentError(`It must be a whole number ${range}.`)
  }
}
