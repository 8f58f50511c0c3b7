import { type EventEmitter, once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { memoryPair, type Transport } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { stdioClient } from '@mcpwire/stdio'
import { tcpClient } from '@mcpwire/tcp'
import { unixClient } from '@mcpwire/unix'
import { wsClient } from '@mcpwire/ws'
import { endpoint } from '../../src/index.js'
import { program, serverCommand, type WhenFinished } from './bin.js'
import { folder, listening } from './listening.js'

type LiteralResponse = (line: string) => Buffer | undefined

/** A socket of the package `ws`. */
type RawSocket = EventEmitter & { send(text: string): void; close(): void }

/** The parts of the package `ws` that are used here. This package has no types of it. */
interface RawWebSockets {
  readonly WebSocket: new (url: string, protocol: string) => RawSocket
  readonly WebSocketServer: new (options: {
    port: number
    host: string
  }) => EventEmitter & {
    address(): AddressInfo
    close(): void
  }
}
const wsPackage: string = 'ws'
/** Web sockets that send any text. */
export const rawWebSockets: RawWebSockets = (await import(wsPackage)) as RawWebSockets

const path = new URL('../programs/literal-response.mjs', import.meta.url).href
const { literalResponse } = (await import(path)) as { literalResponse: LiteralResponse }

/** Makes a client of a server that responds with the bytes that a request names. */
export type Connect = (whenFinished: WhenFinished) => Promise<Transport>

/** The wires by name. */
export const literalServers: Readonly<Record<string, Connect>> = {
  stdio: async () => {
    const [command = '', ...args] = serverCommand('literal-server')
    return stdioClient({ command, args })
  },
  tcp: async (whenFinished) => {
    const server = lineServer()
    server.listen(0, '127.0.0.1')
    return tcpClient({ port: await portOf(server, whenFinished) })
  },
  unix: async (whenFinished) => {
    const server = lineServer()
    const socket = join(folder(whenFinished), 'server')
    server.listen(socket)
    await once(server, 'listening')
    whenFinished(() => void server.close())
    return unixClient({ path: socket })
  },
  ws: async (whenFinished) => {
    const server = new rawWebSockets.WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket: RawSocket) => {
      socket.on('message', (data: Buffer) => {
        const response = literalResponse(data.toString())
        if (response) socket.send(response.toString())
      })
    })
    await once(server, 'listening')
    whenFinished(() => void server.close())
    return wsClient({ url: `ws://127.0.0.1:${server.address().port}` })
  },
  http: (whenFinished) => httpWire('application/json', whenFinished),
  'http with event streams': (whenFinished) => httpWire('text/event-stream', whenFinished),
  memory: async () => {
    const [near, far] = memoryPair()
    far.onmessage = (message) => {
      const response = literalResponse(JSON.stringify(message))
      if (response) void far.send(JSON.parse(response.toString()))
    }
    await far.start()
    return near
  },
  bridge: async () => {
    const [command = '', ...args] = [...program, 'bridge', '--', ...serverCommand('literal-server')]
    return stdioClient({ command, args })
  },
  'bridge --listen': async (whenFinished) => {
    const { addresses } = await listening(
      ['tcp://127.0.0.1:0'],
      [],
      serverCommand('literal-server'),
      whenFinished,
    )
    return (await endpoint(addresses[0] ?? '', {})) as Transport
  },
}

function lineServer(): Server {
  return createServer((socket) => {
    let rest = ''
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const response = literalResponse(line)
        if (response) socket.write(Buffer.concat([response, Buffer.from('\n')]))
      }
    })
  })
}

async function httpWire(contentType: string, whenFinished: WhenFinished): Promise<Transport> {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST') {
      response.writeHead(405).end()
      return
    }
    const body = literalResponse((await request.toArray()).join(''))
    if (!body) response.writeHead(202).end()
    else if (contentType === 'application/json')
      response.writeHead(200, { 'content-type': contentType }).end(body)
    else
      response
        .writeHead(200, { 'content-type': contentType })
        .end(Buffer.concat(['data: ', body, '\n\n'].map((part) => Buffer.from(part))))
  }
  const server = createHttpServer((request, response) => void respond(request, response))
  server.listen(0, '127.0.0.1')
  const port = await portOf(server, whenFinished)
  return httpClient({ url: `http://127.0.0.1:${port}/mcp`, standaloneStream: false })
}

async function portOf(server: Server, whenFinished: WhenFinished): Promise<number> {
  await once(server, 'listening')
  whenFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}
