import { allOf, allowAll, type Gate, isTransportError } from '@mcpwire/core'
import { anyOf } from '@mcpwire/security'
import { apiKeyFile } from '@mcpwire/security/node'
import { type AccessFlags, isReachable } from './access-flags.js'
import { isHttp, isTcp, isUnix, isWeb } from './endpoint.js'
import type { ListenOptions } from './endpoint-provider.js'
import { UsageError } from './program.js'
import { webGate } from './web-gate.js'

//                 Host, Origin            key or token
// http, ws   ──▶  webGate             ──▶ credentials ──▶ admitted
// tcp, unix  ──▶  (preamble)          ──▶ credentials ──▶ admitted
//
// Without flags the default gate of the listener decides: it admits this host only.

/** The access to all listeners of a bridge. */
export interface Access extends Disposable {
  /** The options of the listener at a URL. `address` returns its address once it is bound. */
  optionsFor(url: string, address: () => string | undefined): AccessOptions
}

type AccessOptions = Pick<ListenOptions, 'gate' | 'hooks' | 'preamble' | 'proxyProtocol' | 'resolveCaller'>

/**
 * Reads the files of the flags. The access watches them until it is disposed of.
 *
 * Rejects with `UsageError` for a value that is invalid.
 */
export async function createAccess(flags: AccessFlags, onError: (error: Error) => void): Promise<Access> {
  const credentials: Gate[] = []
  const keys =
    flags.apiKeyFile === undefined
      ? undefined
      : asFlag('--api-key-file', () => apiKeyFile(flags.apiKeyFile ?? '', { acceptBearer: true, onError }))
  return {
    optionsFor: (url, address) => ({
      gate: gateFor(url, address, flags, credentials),
    }),
    [Symbol.dispose]: () => keys?.[Symbol.dispose](),
  }
}
