import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import { connect, type Socket } from 'node:net'
import { type Listening, listenCounting } from './engine-server.js'

/** A proxy that opens tunnels, and forwards requests in absolute form. */
export interface ConnectProxy extends Listening {
  /** The requests for tunnels: `host:port` and credentials. Those in absolute form have their URL. */
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
  const isAuthorized = (authorization: string | undefined): boolean =>
    credentials === undefined || authorization === `Basic ${Buffer.from(credentials).toString('base64')}`
  const forward = (near: IncomingMessage, response: ServerResponse): void => {
    const { url = '', method, headers } = near
    const { 'proxy-authorization': authorization, ...rest } = headers
    requests.push({ target: url, authorization })
    if (!isAuthorized(authorization) || status !== 200) {
      response.writeHead(isAuthorized(authorization) ? status : 407).end()
      return
    }
    const { hostname, port, pathname, search } = new URL(url)
    const host = hostname === 'server.test' ? '127.0.0.1' : hostname
    const far = request({ host, port, method, path: pathname + search, headers: rest }, (received) => {
      response.writeHead(received.statusCode ?? 502, received.headers)
      received.pipe(response)
    })
    far.on('error', () => response.destroy())
    near.pipe(far)
  }
  const server = tls ? createSecureServer(tls, forward) : createServer(forward)
  server.on('connect', ({ url: target = '', headers }: IncomingMessage, near: Socket, head: Buffer) => {
    const authorization = headers['proxy-authorization']
    requests.push({ target, authorization })
    near.on('error', () => {})
    if (!isAuthorized(authorization)) {
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
