import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** A request as the server saw it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The name in the certificate of the caller. */
  readonly caller: string | undefined
  readonly answer: ServerResponse
}

/** A bare HTTP server that tests control. */
export interface EngineServer extends AsyncDisposable {
  readonly port: number
  readonly url: URL
  readonly seen: Seen[]
  /** Sockets that are open. */
  readonly sockets: ReadonlySet<Socket>
  /** Sockets there ever were. */
  socketCount(): number
}

/** Calls `answer` with each request once its body is there. */
export async function engineServer(answer: (seen: Seen) => void, tls?: ServerOptions): Promise<EngineServer> {
  const seen: Seen[] = []
  const onrequest = (request: IncomingMessage, response: ServerResponse): void => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const caller = tls && (request.socket as TLSSocket).getPeerX509Certificate()?.subject
      const one: Seen = { method, path, headers, body, caller, answer: response }
      seen.push(one)
      answer(one)
    })
  }
  const server = tls ? createSecureServer(tls, onrequest) : createServer(onrequest)
  server.on('tlsClientError', () => {})
  const listening = await listenCounting(server)
  return {
    ...listening,
    url: new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${listening.port}/mcp?x=%20`),
    seen,
  }
}

/** A server of any kind that listens, with its sockets. */
export interface Listening extends AsyncDisposable {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  socketCount(): number
}

/** Listens on a free port of this host, and counts who calls. */
export async function listenCounting(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  let count = 0
  server.on('connection', (socket: Socket) => {
    count++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    socketCount: () => count,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
