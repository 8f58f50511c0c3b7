import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { PairOptions, TransportPair } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, type Transport } from '@mcpwire/core'
import { initializeParams } from '@mcpwire/test-support/messages'
import { type HttpClientOptions, httpClient } from '../../src/index.js'
import { type HttpServerOptions, httpServer } from '../../src/node/index.js'
import { httpRelay } from './server-relay.js'

const agent = new Agent({ keepAlive: false })

/** Where the routes of HTTP+SSE are. */
const httpSse = { path: '/sse', messagesPath: '/messages' }

/** A client and a server with a relay in between, not introduced to each other yet. */
export async function relayedPair(
  options: PairOptions,
  more: {
    readonly client?: Partial<HttpClientOptions>
    readonly server?: Partial<HttpServerOptions>
    /** Whether they speak HTTP+SSE. */
    readonly isOld?: boolean
  } = {},
): Promise<TransportPair> {
  const listener = httpServer({ port: 0, httpSse, ...options, ...more.server })
  const far = new Promise<Transport>((resolve) => {
    listener.onconnection = (connection) => {
      // A client whose session is over would begin another.
      listener.onconnection = undefined
      resolve(connection)
    }
  })
  await listener.start()
  const serverPort = portOf(listener.address)
  const relay = await httpRelay(serverPort)
  const url = `http://127.0.0.1:${relay.port}${more.isOld ? httpSse.path : '/mcp'}`
  const near = listeningClient({ url, ...options, ...more.client })
  const target = async (): Promise<Target> => {
    if (!more.isOld) return { port: serverPort, path: '/mcp', sessionId: near.sessionId }
    return { port: serverPort, path: `${httpSse.messagesPath}?sessionId=${(await far).sessionId}` }
  }
  return {
    near,
    far,
    initialize: (version) => introduce(near, far, version),
    sendRaw: async (to, piece) => {
      if (to === 'near') await relay.writeToClient(`event: message\ndata: ${piece}\n\n`)
      else await postRaw(await target(), piece)
    },
    sendRawBytes: async (_, piece) => await postRaw(await target(), piece),
    sendUnfinished: async (_, start) => await postUnfinished(await target(), start),
    ...(more.isOld && { cut: () => relay.cut() }),
    stall: (side) => relay.stall(side),
    cleanup: async () => {
      await relay.close()
      await listener.close()
    },
  }
}

/** When the stream of a client for messages that belong to no request is open. */
const streamsOpen = new WeakMap<Transport, Promise<void>>()

/** A client whose stream `introduce` waits for, and which is quick to find out that its session is over. */
export function listeningClient(options: HttpClientOptions): Transport {
  let opened!: () => void
  const isOpen = new Promise<void>((resolve) => {
    opened = resolve
  })
  const client = httpClient({
    reconnect: { firstDelayMs: 1 },
    ...options,
    onStreamState: (state) => {
      if (state === 'open') opened()
    },
  })
  streamsOpen.set(client, isOpen)
  return client
}

/** Opens a session: `initialize`, its response and the notification after it. */
export async function introduce(
  near: Transport,
  coming: Promise<Transport>,
  protocolVersion = '2025-06-18',
): Promise<void> {
  const responded = new Promise<void>((resolve, reject) => {
    near.onmessage = (message) => {
      if ('error' in message) reject(new Error(message.error.message))
      else resolve()
    }
  })
  const params = initializeParams(protocolVersion)
  const asked = near.send({ jsonrpc: '2.0', id: 'introduction', method: 'initialize', params })
  const far = await Promise.race([coming, asked.then(() => responded).then(() => coming)])
  const initialized = new Promise<void>((resolve) => {
    far.onmessage = (message) => {
      if (isRequest(message)) void far.send(welcome(protocolVersion))
      else resolve()
    }
  })
  await far.start()
  await Promise.all([asked, responded])
  near.setProtocolVersion?.(protocolVersion)
  await Promise.all([near.send({ jsonrpc: '2.0', method: 'notifications/initialized' }), initialized])
  // The one stream of HTTP+SSE is open by then, and has no state of its own.
  if (near.sessionId !== undefined) await streamsOpen.get(near)
  near.onmessage = undefined
  far.onmessage = undefined
}

function welcome(protocolVersion: string): JsonRpcMessage {
  const serverInfo = { name: 'far', version: '1' }
  return { jsonrpc: '2.0', id: 'introduction', result: { protocolVersion, capabilities: {}, serverInfo } }
}

export function portOf(address: string | undefined): number {
  return Number(new URL(address ?? '').port)
}

/** Where a session takes what is posted. */
interface Target {
  readonly port: number
  readonly path: string
  readonly sessionId?: string | undefined
}

function headersOf({ sessionId }: Target): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
  }
}

/** Sends a body as it is, in the session of a client. Does not wait for responses to requests. */
function postRaw(target: Target, body: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const { port, path } = target
    const headers = headersOf(target)
    const post = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent })
    post.on('response', (response) => {
      response.resume()
      resolve()
    })
    post.on('error', reject)
    post.end(body, () => {
      // A request in it is answered later, or never.
      if (/"id"/.test(String(body))) setImmediate(resolve)
    })
  })
}

function postUnfinished(target: Target, start: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(target.port, '127.0.0.1', () => {
      const lines = Object.entries({
        host: '127.0.0.1',
        'transfer-encoding': 'chunked',
        ...headersOf(target),
      })
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      socket.write(
        `POST ${target.path} HTTP/1.1\r\n${head}\r\n${start.length.toString(16)}\r\n${start}`,
        () => resolve(),
      )
    })
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.unref()
  })
}
