import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import { connect, type Socket } from 'node:net'
import { type Listening, listenCounting } from './engine-server.js'

/** A proxy that opens tunnels. */
export interface ConnectProxy extends Listening {
  /** The requests for tunnels: `host:port` and credentials. */
  readonly requests: { readonly target: string; readonly authorization: string | undefined }[]
}

/** A proxy (RFC 9110, section 9.3.6). Without the credentials it responds with 407. */
export async function connectProxy({
  credentials,
  tls,
  status = 200,
}: {
  credentials?: string
  tls?: ServerOptions
  status?: number
} = {}): Promise<ConnectProxy> {
  const requests: ConnectProxy['requests'] = []
  const server = tls ? createSecureServer(tls) : createServer()
  server.on('connect', ({ url: target = '', headers }: IncomingMessage, near: Socket, head: Buffer) => {
    const authorization = headers['proxy-authorization']
    requests.push({ target, authorization })
    near.on('error', () => {})
    if (
      credentials !== undefined &&
      authorization !== `Basic ${Buffer.from(credentials).toString('base64')}`
    ) {
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
      return
    }
    if (status !== 200) {
      near.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const { hostname, port } = new URL(`http://${target}`)
    const far = connect({ host: hostname === 'server.test' ? '127.0.0.1' : hostname, port: Number(port) })
    far.on('error', () => near.destroy())
    far.once('connect', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) far.write(head)
      near.pipe(far).pipe(near)
    })
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroySoon())
  })
  return { ...(await listenCounting(server)), requests }
}
