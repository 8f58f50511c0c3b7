import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** A request as the server received it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The subject of the client's certificate. */
  readonly caller: string | undefined
  readonly response: ServerResponse
}

/** A bare HTTP server that tests control. */
export interface EngineServer extends AsyncDisposable {
  readonly port: number
  readonly url: URL
  readonly seen: Seen[]
  /** The open sockets. */
  readonly sockets: ReadonlySet<Socket>
  /** How many sockets were opened so far. */
  socketCount(): number
}

/** Calls `respond` with each request once its body is complete. */
export async function engineServer(
  respond: (seen: Seen) => void,
  tls?: ServerOptions,
): Promise<EngineServer> {
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
      const one: Seen = { method, path, headers, body, caller, response }
      seen.push(one)
      respond(one)
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

/** A listening server of any kind, with its sockets. */
export interface Listening extends AsyncDisposable {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  socketCount(): number
}

/** Listens on a free port of this host, and counts connections. */
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
