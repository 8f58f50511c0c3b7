import { lookup } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import type { Clock } from '@mcpwire/core'
import { unlessAborted } from '@mcpwire/core/authoring'
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
  // A DNS lookup cannot be cancelled.
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
