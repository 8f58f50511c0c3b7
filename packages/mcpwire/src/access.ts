import { allOf, allowAll, type Gate, type HttpHooks, localOnly } from '@mcpwire/core'
import { anyOf, cors, hostIn, httpHooks, originIn, trustedProxies } from '@mcpwire/security'
import { apiKeyFile, proxyProtocol } from '@mcpwire/security/node'
import { type AccessFlags, bindsBeyondThisHost, isOpenToAll, isReachable } from './access-flags.js'
import { tokenAccess } from './access-tokens.js'
import { isHttp, isTcp, isWeb } from './endpoint.js'
import type { ListenOptions } from './endpoint-provider.js'
import { forFlag, withFlag } from './flag-errors.js'
import { webGate } from './web-gate.js'

//                address, Host, Origin     key or token
// http, ws   ─▶  webGate               ─▶  credentials  ─▶ admitted
// tcp, unix  ─▶  address               ─▶  credentials  ─▶ admitted
//
// The credentials of a client over tcp and unix come in its preamble.

/** The access to all listeners of a bridge. It watches files until it is disposed of. */
export interface Access extends Disposable {
  /** The options of the listener at a URL. `address` returns its address once it is bound. */
  optionsFor(url: string, address: () => string | undefined): AccessOptions
}

type AccessOptions = Pick<ListenOptions, 'gate' | 'hooks' | 'preamble' | 'proxyProtocol' | 'resolveCaller'>

/**
 * Creates the access that the flags describe. `onWarning` receives a text about a changed file that was rejected.
 *
 * Rejects with `UsageError` for an invalid value or file.
 *
 * @example
 * ```ts
 * const access = await createAccess({ apiKeyFile: 'keys' }, (text) => log(NAME, text, 'warn'))
 * ```
 */
export async function createAccess(flags: AccessFlags, onWarning: (text: string) => void): Promise<Access> {
  const keys = keysOf(flags, onWarning)
  const tokens = tokenAccess(flags)
  const credentials = keys && tokens ? anyOf(keys, tokens.gate) : (keys ?? tokens?.gate)
  const webGateFor = webGates(flags)
  const hooks = hooksOf(flags, tokens?.hooks)
  const behindProxies = proxiesOf(flags)
  return {
    optionsFor: (url, address) => {
      // The listener then refuses to start.
      if (isOpenToAll(url, flags)) return {}
      const isLocal = !isReachable(url, flags)
      const clients = isWeb(url) ? webGateFor(url, address) : isLocal ? localOnly() : allowAll()
      return {
        gate: credentials ? allOf(clients, credentials) : clients,
        ...(credentials && !isWeb(url) && { preamble: {} }),
        ...(isHttp(url) && hooks && { hooks }),
        ...behindProxies(url),
      }
    },
    [Symbol.dispose]: () => keys?.[Symbol.dispose](),
  }
}

/** The hooks of HTTP: browsers show responses to pages of another origin with CORS headers only. */
function hooksOf(
  { allowOrigin, apiKeyFile: keys }: AccessFlags,
  metadata: HttpHooks | undefined,
): HttpHooks | undefined {
  const requestHeaders = keys === undefined ? [] : ['x-api-key']
  const pages = allowOrigin && forFlag('--allow-origin', () => cors({ origins: allowOrigin, requestHeaders }))
  return pages || metadata ? httpHooks(...[pages, metadata].filter((each) => each !== undefined)) : undefined
}

/** How the listener at a URL finds the clients behind the trusted proxies. */
function proxiesOf({ trustedProxy }: AccessFlags): (url: string) => AccessOptions {
  if (!trustedProxy) return () => ({})
  const { resolveCaller } = forFlag('--trusted-proxy', () => trustedProxies(trustedProxy))
  const header = forFlag('--trusted-proxy', () => proxyProtocol(trustedProxy))
  return (url) => {
    if (isWeb(url)) return { resolveCaller }
    return isTcp(url) ? { proxyProtocol: header } : {}
  }
}

/** The gate for the keys of the file. */
function keysOf(
  { apiKeyFile: path }: AccessFlags,
  onWarning: (text: string) => void,
): ReturnType<typeof apiKeyFile> | undefined {
  if (path === undefined) return undefined
  const onError = (error: Error): void =>
    onWarning(`${withFlag('--api-key-file', error)}; the previous keys stay valid`)
  return forFlag('--api-key-file', () => apiKeyFile(path, { acceptBearer: true, onError }))
}

/** Makes the gates for `Host` and `Origin`. */
function webGates(flags: AccessFlags): (url: string, address: () => string | undefined) => Gate {
  const { allowHost, allowOrigin } = flags
  const hosts = allowHost && forFlag('--allow-host', () => hostIn(allowHost))
  const origins = allowOrigin && forFlag('--allow-origin', () => originIn(allowOrigin))
  return (url, address) => {
    const remotes = isReachable(url, flags) ? allowAll() : undefined
    const anyHost = bindsBeyondThisHost(url) ? allowAll() : undefined
    return webGate({ remotes, hosts: hosts ?? anyHost, origins }, address)
  }
}
