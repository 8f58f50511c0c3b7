import { allOf, allowAll, type Gate, isTransportError, localOnly } from '@mcpwire/core'
import { hostIn, originIn } from '@mcpwire/security'
import { apiKeyFile } from '@mcpwire/security/node'
import { type AccessFlags, bindsBeyondThisHost, isOpenToAll, isReachable } from './access-flags.js'
import { isWeb } from './endpoint.js'
import type { ListenOptions } from './endpoint-provider.js'
import { UsageError } from './program.js'
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

type AccessOptions = Pick<ListenOptions, 'gate' | 'origins' | 'preamble'>

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
  const credentials: Gate | undefined = keys
  const webGateFor = webGates(flags)
  return {
    optionsFor: (url, address) => {
      // The listener then refuses to start.
      if (isOpenToAll(url, flags)) return {}
      const isLocal = !isReachable(url, flags)
      const clients = isWeb(url) ? webGateFor(url, address) : isLocal ? localOnly() : allowAll()
      const gate = credentials ? allOf(clients, credentials) : clients
      return credentials && !isWeb(url) ? { gate, preamble: {} } : { gate }
    },
    [Symbol.dispose]: () => keys?.[Symbol.dispose](),
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

/** Turns `INVALID_OPTION` into an error about the flag. */
function forFlag<T>(flag: string, create: () => T): T {
  try {
    return create()
  } catch (error) {
    if (!isTransportError(error, 'INVALID_OPTION')) throw error
    throw new UsageError(withFlag(flag, error))
  }
}

/** The text of an error about an option of a library, with the flag instead. */
function withFlag(flag: string, { message }: Error): string {
  return message.replace(/^option "[^" ]*" /, `${flag} `).replace(', or see option "requirePrivateFile"', '')
}
