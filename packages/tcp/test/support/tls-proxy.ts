import { once } from 'node:events'
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, createServer } from 'node:tls'
import type { Side, TransportPair } from '@mcpwire/compliance'
import { ALPN_PROTOCOL } from '@mcpwire/core/node'
import { aliceCredential, authority, serverCredential } from './credentials.js'

/** A proxy that terminates TLS on both sides and injects faults. */
export interface TlsProxy {
  readonly port: number
  readonly hooks: Required<
    Pick<TransportPair, 'sendRaw' | 'sendRawBytes' | 'sendUnfinished' | 'cut' | 'stall' | 'checksStart'>
  >
  close(): Promise<void>
}

const options = { ALPNProtocols: [ALPN_PROTOCOL], allowHalfOpen: true }

/** Starts a proxy in front of a server. */
export async function tlsProxy(port: number): Promise<TlsProxy> {
  const ends: Partial<Record<Side, Duplex>> = {}
  const rawSockets: Socket[] = []
  const stalled: Record<Side, boolean> = { near: false, far: false }
  const server = createServer({ ...options, ...serverCredential })
  server.on('connection', (socket: Socket) => rawSockets.push(socket.on('error', () => {})))
  server.on('secureConnection', (near) => {
    const plain = connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    rawSockets.push(plain.on('error', () => {}))
    const far = connect({
      ...options,
      ...aliceCredential,
      ca: authority.cert,
      socket: plain,
      host: 'localhost',
    })
    Object.assign(ends, { near, far })
    forward(near, far, 'far')
    forward(far, near, 'near')
  })
  server.on('tlsClientError', () => {})
  await once(server.listen(0, '127.0.0.1'), 'listening')

  function forward(from: Duplex, to: Duplex, towards: Side): void {
    from.on('error', () => reset())
    from.on('data', (chunk: Buffer) => {
      if (!to.write(chunk)) {
        from.pause()
        to.once('drain', () => stalled[towards] || from.resume())
      }
      if (stalled[towards]) from.pause()
    })
    from.on('end', () => to.end())
  }

  function reset(): void {
    for (const socket of rawSockets) if (!socket.destroyed) socket.resetAndDestroy()
  }

  const write = (to: Side, bytes: string | Uint8Array): void => void ends[to]?.write(bytes)
  return {
    port: (server.address() as AddressInfo).port,
    hooks: {
      checksStart: true,
      sendRaw: (to, piece) => write(to, `${piece}\n`),
      sendRawBytes: (to, piece) => {
        write(to, piece)
        write(to, '\n')
      },
      sendUnfinished: write,
      cut: reset,
      stall: (side) => {
        const from = side === 'far' ? 'near' : 'far'
        stalled[side] = true
        ends[from]?.pause()
        return () => {
          stalled[side] = false
          ends[from]?.resume()
        }
      },
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      reset()
      await closed
    },
  }
}
