import type { NetConnectOpts } from 'node:net'
import type { Transport } from '@mcpwire/core'
import type { HeldBytes } from '../listener-subject.js'
import { tcpProxy } from './tcp-proxy.js'

/** A client that does not finish its message. */
export interface UnfinishedMessageOptions {
  /** The address of the server: a port, or the path of a socket. */
  readonly to: NetConnectOpts
  /** The path of a socket for the proxy. Default: a free port of 127.0.0.1. */
  readonly path?: string
  /** Creates an idle client of the proxy. */
  readonly connect: (port: number) => Transport
  /** The number of bytes that reach the server. */
  readonly bytes: number
}

/**
 * Connects a client through a proxy that stops within its first message. Fits the hook `holdBytes` of a listener.
 *
 * @example
 * ```ts
 * const holdBytes = ({ port }: Target, bytes: number) =>
 *   unfinishedMessage({ to: { port }, bytes, connect: (port) => tcpClient({ port }) })
 * ```
 */
export async function unfinishedMessage({
  to,
  path,
  connect,
  bytes,
}: UnfinishedMessageOptions): Promise<HeldBytes> {
  const proxy = await tcpProxy({
    to,
    ...(path !== undefined && { path }),
    toServer: { stopAfterBytes: bytes },
  })
  const client = connect(proxy.port)
  const responded = new Promise<unknown>((resolve) => {
    client.onmessage = resolve
  })
  await client.start()
  const params = { fill: 'x'.repeat(2 * bytes) }
  const failed = new Promise<unknown>((resolve) => {
    client.send({ jsonrpc: '2.0', id: 'unfinished', method: 'initialize', params }).catch(resolve)
  })
  return {
    ended: Promise.race([client.closed, responded, failed]),
    disconnect: async () => {
      await Promise.all([client.close(), proxy.close()])
    },
  }
}
