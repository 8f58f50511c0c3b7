import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { serve, type TransportLike } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { StreamableHTTPClientTransport as HttpClientV2 } from '@modelcontextprotocol/client'
import { NodeStreamableHTTPServerTransport as HttpServerV2 } from '@modelcontextprotocol/node'
import { StreamableHTTPClientTransport as HttpClientV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { StreamableHTTPServerTransport as HttpServerV1 } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { Agent } from 'undici'
import {
  type Answers,
  listenBareHttp,
  listenHttp,
  mirroredHeaders,
  undiciDispatch,
  undiciRequest,
} from '../floors/bare-http.js'
import { type ExchangeLoad, exchangeDriver } from './exchange.js'
import { withHandshake } from './handshake.js'
import { withoutSession } from './modern.js'
import type { Contestant } from './suite.js'

/** Both ends of a session, by whoever makes them. */
export interface HttpEnds {
  readonly id: string
  readonly label: string
  readonly isOurs?: boolean
  readonly client: (url: string) => TransportLike
  /** Calls `accept` with each session, not started; resolves with the URL. */
  readonly serve: (accept: (wire: TransportLike) => Promise<void>, answers: Answers) => Promise<string>
}

/** The transports of both official SDKs, straight on `node:http`. */
export const sdkHttp: readonly HttpEnds[] = [
  {
    id: 'sdk-v1',
    label: 'SDK 1, Streamable HTTP',
    client: (url) => new HttpClientV1(new URL(url)),
    serve: (accept, answers) => serveSdk(accept, new HttpServerV1(sdkOptions(answers))),
  },
  {
    id: 'sdk-v2',
    label: 'SDK 2, Streamable HTTP',
    client: (url) => new HttpClientV2(new URL(url)),
    serve: (accept, answers) => serveSdk(accept, new HttpServerV2(sdkOptions(answers))),
  },
]

/** Our own. */
export const ourHttp: HttpEnds = {
  id: 'ours',
  label: 'httpClient, httpServer',
  isOurs: true,
  client: (url) => httpClient({ url }),
  serve: async (accept, answers) =>
    (await serve(httpServer({ port: 0, responseFormat: answers }), accept)).url,
}

/** Everyone who exchanges messages over HTTP, by that kind of answer. */
export function httpContestants(answers: Answers): Contestant<ExchangeLoad>[] {
  return [
    bare('undici-request', 'floor: undici request', answers, (url) =>
      undiciRequest(url, answers, new Agent()),
    ),
    bare('undici-request-modern', 'floor: undici request, 2026-07-28', answers, (url) =>
      withoutSession(undiciRequest(url, answers, new Agent(), mirroredHeaders)),
    ),
    bare('undici-dispatch', 'floor: undici dispatch', answers, (url) => undiciDispatch(url, answers)),
    ...[...sdkHttp, ourHttp].map((ends) => inSession(ends, answers)),
    {
      ...inSession(ourHttp, answers),
      id: 'ours-modern',
      label: 'the same without a session, 2026-07-28',
      open: async ({ address }) => await exchangeDriver(withoutSession(ourHttp.client(address))),
    },
  ]
}

function bare(
  id: string,
  label: string,
  answers: Answers,
  client: (url: string) => TransportLike,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => await exchangeDriver(client(address)),
    server: { startedBy: 'harness', serve: () => listenBareHttp(answers) },
  }
}

function inSession(
  { id, label, isOurs = false, client, serve }: HttpEnds,
  answers: Answers,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => await exchangeDriver(withHandshake(client(address))),
    server: { startedBy: 'harness', serve: (accept) => serve(accept, answers) },
    isOurs,
  }
}

interface SdkServer extends TransportLike {
  handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void>
}

/** One session, which is all that one of these is. */
async function serveSdk(
  accept: (wire: TransportLike) => Promise<void>,
  transport: SdkServer,
): Promise<string> {
  await accept(transport)
  return await listenHttp((request, response) => void transport.handleRequest(request, response))
}

function sdkOptions(answers: Answers): { sessionIdGenerator: () => string; enableJsonResponse: boolean } {
  return { sessionIdGenerator: randomUUID, enableJsonResponse: answers === 'json' }
}
