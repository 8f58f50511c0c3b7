import { isLoopback } from '@mcpwire/core/authoring'
import { type Command, Option } from 'commander'
import { append, refuseGiven } from './command-options.js'
import { isSecure, isTcp, isUnix, isWeb } from './endpoint.js'
import { OPEN_TO_ALL, UsageError } from './program.js'

/** Flags of `bridge --listen` that decide which clients are admitted. */
export interface AccessFlags {
  readonly apiKeyFile?: string
  readonly jwtIssuer?: string
  readonly jwtAudience?: readonly string[]
  readonly jwksUrl?: string
  readonly requireScope?: readonly string[]
  readonly publicUrl?: string
  readonly allowOrigin?: readonly string[]
  readonly allowHost?: readonly string[]
  readonly trustedProxy?: readonly string[]
  readonly allowAnonymous?: boolean
  readonly listenCa?: string
}

/** Adds the flags to the command. `--listen-ca` is one of the flags of TLS. */
export function addAccessOptions(command: Command): void {
  command
    .option('--api-key-file <file>', 'admit clients with a key of this file: a name and a key in each line')
    .option('--jwt-issuer <url>', 'admit clients with a token (JWT) of this authorization server')
    .option(
      '--jwt-audience <text>',
      'audience that tokens must have (default: --public-url); repeatable',
      append,
    )
    .option('--jwks-url <url>', 'keys of the authorization server (default: those of its metadata)')
    .option('--require-scope <scope>', 'scope that tokens must have; repeatable', append)
    .option('--public-url <url>', 'URL by which clients reach this bridge, for its OAuth metadata')
    .option('--allow-origin <origin>', 'also admit pages of this origin; repeatable', append)
    .option('--allow-host <host>', 'also admit requests with this Host header; repeatable', append)
    .option(
      '--trusted-proxy <cidr>',
      'take the address of the client from the headers (tcp://: the PROXY protocol) of these proxies; repeatable',
      append,
    )
    .option('--allow-anonymous', 'admit clients on other hosts without authentication')
    .addOption(new Option('--allow-remote').hideHelp())
}

/** The flags by their names on the command line. */
export function accessFlags(flags: AccessFlags): Readonly<Record<string, unknown>> {
  return {
    '--api-key-file': flags.apiKeyFile,
    '--jwt-issuer': flags.jwtIssuer,
    '--jwt-audience': flags.jwtAudience,
    '--jwks-url': flags.jwksUrl,
    '--require-scope': flags.requireScope,
    '--public-url': flags.publicUrl,
    '--allow-origin': flags.allowOrigin,
    '--allow-host': flags.allowHost,
    '--trusted-proxy': flags.trustedProxy,
    '--allow-anonymous': flags.allowAnonymous,
  }
}

/** @throws UsageError for the flag that `--allow-anonymous` replaces */
export function refuseAllowRemote(flags: { readonly allowRemote?: boolean }): void {
  if (flags.allowRemote)
    throw new UsageError(
      '--allow-remote was replaced: require authentication, such as --api-key-file, or pass --allow-anonymous',
    )
}

/**
 * Checks flags that depend on each other, or on the URLs. Each flag must have an effect, and clients beyond this host
 * must authenticate.
 *
 * @throws UsageError
 */
export function checkAccess(urls: readonly string[], flags: AccessFlags): void {
  checkTokens(flags)
  if (!urls.some(isWeb)) {
    const { allowOrigin, allowHost } = flags
    refuseGiven(
      { '--allow-origin': allowOrigin, '--allow-host': allowHost },
      'requires --listen with an http://, https://, ws:// or wss:// URL',
    )
  }
  if (urls.every(isUnix))
    refuseGiven({ '--trusted-proxy': flags.trustedProxy }, 'has no effect at a Unix socket')
  const open = urls.find((url) => isOpenToAll(url, flags))
  if (open !== undefined) throw new UsageError(`--listen ${open}: ${OPEN_TO_ALL}`)
  if (flags.allowAnonymous) checkAnonymous(urls, flags)
}

/** Whether clients beyond this host could connect without a credential, although no flag admits them. */
export function isOpenToAll(url: string, flags: AccessFlags): boolean {
  return !flags.allowAnonymous && isReachable(url, flags) && !authenticates(url, flags)
}

function checkAnonymous(urls: readonly string[], flags: AccessFlags): void {
  const { apiKeyFile, jwtIssuer } = flags
  refuseGiven(
    { '--api-key-file': apiKeyFile, '--jwt-issuer': jwtIssuer },
    'contradicts --allow-anonymous: remove one of them',
  )
  if (urls.some((url) => isReachable(url, flags) && !authenticates(url, flags))) return
  refuseGiven({ '--listen-ca': flags.listenCa }, 'contradicts --allow-anonymous: remove one of them')
  throw new UsageError('--allow-anonymous has no effect: no other host reaches the URLs of --listen')
}

function checkTokens({ jwtIssuer, ...flags }: AccessFlags): void {
  const { jwtAudience, jwksUrl, requireScope, publicUrl } = flags
  if (jwtIssuer === undefined)
    refuseGiven(
      {
        '--jwt-audience': jwtAudience,
        '--jwks-url': jwksUrl,
        '--require-scope': requireScope,
        '--public-url': publicUrl,
      },
      'requires --jwt-issuer',
    )
  else if (jwtAudience === undefined && publicUrl === undefined)
    throw new UsageError(
      '--jwt-issuer requires --public-url or --jwt-audience: tokens must be for this server',
    )
}

/** Whether clients beyond this host can connect, directly or through a proxy. */
export function isReachable(url: string, { trustedProxy }: AccessFlags): boolean {
  return !isUnix(url) && (trustedProxy !== undefined || bindsBeyondThisHost(url))
}

/** Whether other hosts can reach the address in the URL. */
export function bindsBeyondThisHost(url: string): boolean {
  // No listener accepts an invalid URL.
  if (!(isWeb(url) || isTcp(url)) || !URL.canParse(url)) return false
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return host !== 'localhost' && !isLoopback(host) && (isWeb(url) || port !== '')
}

/** Whether a client needs a credential. */
function authenticates(url: string, flags: AccessFlags): boolean {
  return (
    flags.apiKeyFile !== undefined ||
    flags.jwtIssuer !== undefined ||
    (flags.listenCa !== undefined && isSecure(url))
  )
}
