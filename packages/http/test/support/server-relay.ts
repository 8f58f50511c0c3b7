import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Side } from '@mcpwire/compliance'

/** Stands between an HTTP client and an HTTP server, and does to what passes what networks and peers do. */
export interface HttpRelay {
  readonly port: number
  /** Puts text on the stream that the client opened with GET, as if the server had written it. */
  writeToClient(text: string): Promise<void>
  /** Pauses one direction until the returned function is called. */
  stall(side: Side): () => void
  /** Breaks the connections of the client without a close reason. */
  cut(): void
  close(): Promise<void>
}

/** Starts one in front of a port of this host. */
export async function httpRelay(serverPort: number): Promise<HttpRelay> {
  const agent = new Agent({ keepAlive: false })
  const sockets = new Set<Socket>()
  const streams: ServerResponse[] = []
  const arrivals: (() => void)[] = []
  const stalled: Record<Side, Set<IncomingMessage> | undefined> = { near: undefined, far: undefined }

  const pass = (from: IncomingMessage, to: Side, write: (chunk: Buffer) => void, end: () => void): void => {
    from.on('data', write)
    from.on('end', end)
    if (!stalled[to]) return
    from.pause()
    stalled[to].add(from)
  }

  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const upstream = request({ host: '127.0.0.1', port: serverPort, method, path: url, headers, agent })
    upstream.on('error', () => outgoing.destroy())
    upstream.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.rawHeaders)
      outgoing.flushHeaders()
      if (method === 'GET' && response.statusCode === 200) {
        streams.push(outgoing)
        for (const arrived of arrivals.splice(0)) arrived()
      }
      response.on('error', () => outgoing.destroy())
      pass(
        response,
        'near',
        (chunk) => outgoing.write(chunk),
        () => outgoing.end(),
      )
    })
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) upstream.destroy()
    })
    incoming.on('error', () => upstream.destroy())
    pass(
      incoming,
      'far',
      (chunk) => upstream.write(chunk),
      () => upstream.end(),
    )
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const stream = async (): Promise<ServerResponse> => {
    for (;;) {
      const open = streams.findLast((each) => !each.destroyed && !each.writableEnded)
      if (open) return open
      await new Promise<void>((resolve) => arrivals.push(resolve))
    }
  }

  return {
    port: (server.address() as AddressInfo).port,
    writeToClient: async (text) => {
      const open = await stream()
      open.write(text)
    },
    stall: (side) => {
      const held = new Set<IncomingMessage>()
      stalled[side] = held
      return () => {
        stalled[side] = undefined
        for (const each of held) each.resume()
      }
    },
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    close: async () => {
      agent.destroy()
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
