import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { createAuthority } from '@mcpwire/test-support/certificates'

const authority = createAuthority('tests')

/** A certificate for this host. */
export const hostCertificate = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] })
/** The authority of that certificate, as option `tls`. */
export const trusted = { ca: authority.cert }

/** A server that forwards bytes. */
export interface Hop {
  readonly port: number
  close(): Promise<void>
}

/** Removes TLS, in front of a proxy that injects faults. */
export async function unwrap(toPort: number): Promise<Hop> {
  const server = createTlsServer({ ...hostCertificate, ALPNProtocols: ['http/1.1'], allowHalfOpen: true })
  server.on('secureConnection', (near) =>
    join(near, connect({ port: toPort, host: '127.0.0.1', allowHalfOpen: true })),
  )
  return await listening(server)
}

/** Adds TLS, behind such a proxy. */
export async function wrap(toPort: number): Promise<Hop> {
  const server = createServer({ allowHalfOpen: true })
  server.on('connection', (near) => {
    const options = { port: toPort, host: '127.0.0.1', ALPNProtocols: ['http/1.1'], allowHalfOpen: true }
    join(near, connectTls({ ...options, ...trusted, servername: 'localhost' }))
  })
  return await listening(server)
}

function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.setNoDelay(true)
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroySoon())
  }
}

async function listening(server: Server): Promise<Hop> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
