import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonRpcMessage, JsonRpcRequest, TransportLike } from '@mcpwire/core'
import { Agent, type Dispatcher, request } from 'undici'
import { answerTo } from '../harness/messages.js'

/** How a server answers a request: with the response alone, or with a stream of events that has one. */
export type Answers = 'json' | 'sse'

/** What every request of a session carries. */
export const sessionHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-session-id': '3d9c1e0a-5b57-4c1e-9a55-0d8a7c9b2f14',
  'mcp-protocol-version': '2025-11-25',
}

/** What every request without a session carries, which repeats its body (2026-07-28, Streamable HTTP). */
export const mirroredHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'search_documents',
}

const sent: Promise<void> = Promise.resolve()
const NO_LIMIT_MS = 0

/** Listens with `node:http` alone; resolves with the URL. */
export async function listenHttp(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: NO_LIMIT_MS }, listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

/** Answers every POST with as little as `node:http` can be used with. No session, no checks. */
export function listenBareHttp(answers: Answers): Promise<string> {
  return listenHttp((incoming, response) => {
    readMessage(incoming, (message) => {
      answer(response, answerTo((message as JsonRpcRequest).id), answers)
    })
  })
}

/** Calls back with the message that the body of a request is. */
export function readMessage(incoming: IncomingMessage, take: (message: JsonRpcMessage) => void): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
    take(JSON.parse(body.toString()) as JsonRpcMessage)
  })
}

/** Answers with one response. */
export function answer(response: ServerResponse, message: JsonRpcMessage, answers: Answers): void {
  const text = JSON.stringify(message)
  if (answers === 'json') {
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

/** A POST per message by undici's `request`, which nearly everyone starts with. No limits, no checks. */
export function undiciRequest(
  url: string,
  answers: Answers,
  dispatcher: Dispatcher,
  headers: Readonly<Record<string, string>> = sessionHeaders,
): TransportLike {
  const messageIn = answers === 'json' ? JSON.parse : eventIn
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

/** The same by undici's `dispatch`, a callback for each part of an answer. */
export function undiciDispatch(url: string, answers: Answers): TransportLike {
  const agent = new Agent()
  const { origin, pathname: path } = new URL(url)
  const messageIn = answers === 'json' ? JSON.parse : eventIn
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
