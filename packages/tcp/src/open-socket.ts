import { lookup } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import type { Clock } from '@mcpwire/core'
import { connectSocket, type TlsEnd } from '@mcpwire/core/node'
import { type SocketSettings, socketOptions } from './endpoint.js'
import { interleaved, race } from './race.js'
import { secureSocket } from './tls-client.js'

/** The remote end, and the options of its sockets. */
export interface Target extends SocketSettings {
  readonly address: string
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly secure?: { readonly end: TlsEnd; readonly serverName: string } | undefined
}

/** Resolves the host, races its addresses, and performs the TLS handshake on the winner. */
export async function openSocket(target: Target, signal: AbortSignal): Promise<Socket> {
  const { host, port, clock, secure, address } = target
  const addresses = await unlessAborted(() => addressesOf(host), signal)
  const socket = await race({
    candidates: interleaved(addresses),
    attempt: (each, lost) => connectSocket({ host: each, port, ...socketOptions(target) }, lost),
    discard: (late) => void late.destroy(),
    clock,
    signal,
  })
  return secure ? await secureSocket(socket, { ...secure, address }, signal) : socket
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** Rejects at once when the signal aborts: a DNS lookup cannot be cancelled. */
function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onabort = (): void => reject(signal.reason)
    if (signal.aborted) {
      onabort()
      return
    }
    signal.addEventListener('abort', onabort, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onabort))
  })
}
