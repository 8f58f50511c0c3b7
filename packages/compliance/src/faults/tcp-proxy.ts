import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from '@mcpwire/core'
import type { Side, TransportPair } from '../transport-subject.js'
import { type Pump, resetSocket, type StreamFaults, startPump } from './pump.js'

/** Options of a fault proxy. */
export interface TcpProxyOptions {
  /** The address of the server: a port, or the path of a socket. */
  readonly to: NetConnectOpts
  /** The path of a socket to listen on. Default: a free port of 127.0.0.1. */
  readonly path?: string
  /** Faults of the bytes to the server. */
  readonly toServer?: StreamFaults
  /** Faults of the bytes to the client. */
  readonly toClient?: StreamFaults
  /** The clock for delays. */
  readonly clock?: Clock
}

/**
 * A proxy between a client and a server on this host that simulates network faults. `near` is the client, `far` the
 * server. Methods act on the newest connection.
 */
export interface TcpProxy {
  /** The port of the proxy; 0 if it listens on a path. */
  readonly port: number
  /** Number of open connections. */
  readonly connections: number
  /** Sends bytes to this end as if the other end had sent them. */
  inject(to: Side, bytes: Uint8Array | string): void
  /** Stops passing bytes to this end, as if it did not read. The returned function resumes. */
  stall(side: Side): () => void
  /** Resets both sockets of the connection. Sockets with a path are only closed. */
  reset(): void
  /** Stops listening and resets open connections. */
  close(): Promise<void>
}

interface Link {
  readonly sockets: Readonly<Record<Side, Socket>>
  /** By the end that each pump writes to. */
  readonly pumps: Readonly<Record<Side, Pump>>
}

/**
 * Starts a fault proxy in front of a server.
 *
 * @example
 * ```ts
 * const proxy = await tcpProxy({ to: { port: 7000 }, toServer: { chunkBytes: 1 } })
 * ```
 */
export async function tcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const { clock = systemClock } = options
  const links: Link[] = []
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    const far = connect({ ...options.to, allowHalfOpen: true })
    const link: Link = {
      sockets: { near, far },
      pumps: {
        far: startPump(near, far, options.toServer ?? {}, clock),
        near: startPump(far, near, options.toClient ?? {}, clock),
      },
    }
    links.push(link)
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', () => {
        for (const each of [near, far]) resetSocket(each)
      })
      socket.once('close', () => {
        if (near.destroyed && far.destroyed && links.includes(link)) links.splice(links.indexOf(link), 1)
      })
    }
  })
  await listen(server, options.path)
  const newest = (): Link => {
    const link = links.at(-1)
    if (!link) throw new Error('the proxy has no connection')
    return link
  }
  return {
    port: portOf(server),
    get connections() {
      return links.length
    },
    inject: (to, bytes) => {
      newest().sockets[to].write(bytes)
    },
    stall: (side) => newest().pumps[side].pause(),
    reset: () => reset(newest()),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const link of links.slice()) reset(link)
      await closed
    },
  }
}

/**
 * The hooks of a pair over a fault proxy, for newline-delimited JSON.
 *
 * @example
 * ```ts
 * const pair = { near, far, ...lineHooks(proxy), cleanup: () => proxy.close() }
 * ```
 */
export function lineHooks(
  proxy: TcpProxy,
): Required<Pick<TransportPair, 'sendRaw' | 'sendRawBytes' | 'sendUnfinished' | 'cut' | 'stall'>> {
  return {
    sendRaw: (to, text) => proxy.inject(to, `${text}\n`),
    sendRawBytes: (to, bytes) => {
      proxy.inject(to, bytes)
      proxy.inject(to, '\n')
    },
    sendUnfinished: (to, start) => proxy.inject(to, start),
    cut: () => proxy.reset(),
    stall: (side) => proxy.stall(side),
  }
}

function reset({ sockets, pumps }: Link): void {
  for (const side of ['near', 'far'] as const) {
    pumps[side].stop()
    resetSocket(sockets[side])
  }
}

function listen(server: Server, path: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path }, () => resolve())
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
