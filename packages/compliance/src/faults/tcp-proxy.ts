import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from '@mcpwire/core'
import type { Side } from '../transport-subject.js'
import { breakOff, type Pump, type StreamFaults, startPump } from './pump.js'

/** Options of a fault proxy. */
export interface TcpProxyOptions {
  /** Where to pass connections on to: a port, or the path of a socket. */
  readonly to: NetConnectOpts
  /** Path of a socket to listen on. Without it, a free port of 127.0.0.1. */
  readonly path?: string
  /** What to do to the bytes on their way to the server. */
  readonly toServer?: StreamFaults
  /** What to do to the bytes on their way to the client. */
  readonly toClient?: StreamFaults
  /** Where delays come from. */
  readonly clock?: Clock
}

/**
 * Stands between a client and a server on this host and does to their connection what networks do. The client is
 * `near`, the server `far`. What acts on a connection acts on the newest one.
 */
export interface TcpProxy {
  /** The port to connect to, where it listens on one. */
  readonly port: number
  /** How many connections are passed on at the moment. */
  readonly connections: number
  /** Makes bytes arrive at that end as if the other had sent them. */
  inject(to: Side, bytes: Uint8Array | string): void
  /** Passes nothing on to that end until the answer is called: it looks like an end that reads nothing. */
  stall(side: Side): () => void
  /** Breaks both halves of the connection: with a reset where the system can, which sockets with a path cannot. */
  reset(): void
  /** Stops listening and resets what is still passed on. */
  close(): Promise<void>
}

interface Link {
  readonly sockets: Readonly<Record<Side, Socket>>
  /** By the end each one writes to. */
  readonly pumps: Readonly<Record<Side, Pump>>
}

/** Starts a fault proxy in front of a server. */
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
        for (const each of [near, far]) breakOff(each)
      })
      socket.once('close', () => {
        if (near.destroyed && far.destroyed && links.includes(link)) links.splice(links.indexOf(link), 1)
      })
    }
  })
  await listen(server, options.path)
  const newest = (): Link => {
    const link = links.at(-1)
    if (!link) throw new Error('nothing is connected through the proxy')
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
    stall: (side) => newest().pumps[side].hold(),
    reset: () => reset(newest()),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const link of links.slice()) reset(link)
      await closed
    },
  }
}

function reset({ sockets, pumps }: Link): void {
  for (const side of ['near', 'far'] as const) {
    pumps[side].stop()
    breakOff(sockets[side])
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
