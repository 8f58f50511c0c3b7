import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonRpcMessage, JsonRpcRequest, TransportLike } from '@mcpwire/core'
import { Agent, type Dispatcher, request } from 'undici'
import { responseTo } from '../harness/messages.js'

/** The format of a response to a POST: a JSON body, or an event stream with one event. */
export type ResponseFormat = 'json' | 'sse'

/** The headers of every request in a session. */
export const sessionHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-session-id': '3d9c1e0a-5b57-4c1e-9a55-0d8a7c9b2f14',
  'mcp-protocol-version': '2025-11-25',
}

/** The headers of every request without a session. They repeat the body (2026-07-28, Streamable HTTP). */
export const mirroredHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'search_documents',
}

const sent: Promise<void> = Promise.resolve()
const NO_LIMIT_MS = 0

/** Listens with `node:http` alone. Resolves with the URL. */
export async function listenHttp(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: NO_LIMIT_MS }, listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

/** Responds to every POST with `node:http` alone. No session, no checks. */
export function listenBareHttp(responseFormat: ResponseFormat): Promise<string> {
  return listenHttp((incoming, response) => {
    readMessage(incoming, (message) => {
      sendResponse(response, responseTo((message as JsonRpcRequest).id), responseFormat)
    })
  })
}

/** Calls `take` with the message in the body of a request. */
export function readMessage(incoming: IncomingMessage, take: (message: JsonRpcMessage) => void): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
    take(JSON.parse(body.toString()) as JsonRpcMessage)
  })
}

/** Sends one response. */
export function sendResponse(
  response: ServerResponse,
  message: JsonRpcMessage,
  responseFormat: ResponseFormat,
): void {
  const text = JSON.stringify(message)
  if (responseFormat === 'json') {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  } else {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.end(eventOf(text))
  }
}

/** One server-sent event. */
export function eventOf(text: string): string {
  return `event: message\ndata: ${text}\n\n`
}

/** A POST per message by undici's `request`, the most common way. No limits, no checks. */
export function undiciRequest(
  url: string,
  responseFormat: ResponseFormat,
  dispatcher: Dispatcher,
  headers: Readonly<Record<string, string>> = sessionHeaders,
): TransportLike {
  const messageIn = responseFormat === 'json' ? JSON.parse : eventIn
  const exchange = async (message: JsonRpcMessage): Promise<void> => {
    try {
      const { body } = await request(url, {
        method: 'POST',
        headers,
        body: JSON.stringify(message),
        dispatcher,
      })
      wire.onmessage?.(messageIn(await body.text()) as JsonRpcMessage)
    } catch (error) {
      wire.onerror?.(error as Error)
    }
  }
  const wire: TransportLike = {
    start: () => sent,
    send: (message) => {
      void exchange(message)
      return sent
    },
    close: () => dispatcher.close(),
  }
  return wire
}

/** The same by undici's `dispatch`, with a callback for each part of a response. */
export function undiciDispatch(url: string, responseFormat: ResponseFormat): TransportLike {
  const agent = new Agent()
  const { origin, pathname: path } = new URL(url)
  const messageIn = responseFormat === 'json' ? JSON.parse : eventIn
  const handlers = (): Dispatcher.DispatchHandler => {
    let text = ''
    return {
      onRequestStart: () => {},
      onResponseStart: () => {},
      onResponseData: (_controller, chunk) => {
        text += chunk.toString()
      },
      onResponseEnd: () => wire.onmessage?.(messageIn(text) as JsonRpcMessage),
      onResponseError: (_controller, error) => wire.onerror?.(error),
    }
  }
  const wire: TransportLike = {
    start: () => sent,
    send: (message) => {
      const body = JSON.stringify(message)
      agent.dispatch({ origin, path, method: 'POST', headers: sessionHeaders, body }, handlers())
      return sent
    },
    close: () => agent.close(),
  }
  return wire
}

function eventIn(text: string): unknown {
  const start = text.indexOf('data: ') + 'data: '.length
  return JSON.parse(text.slice(start, text.indexOf('\n', start)))
}
