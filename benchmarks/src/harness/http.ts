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
  listenBareHttp,
  listenHttp,
  mirroredHeaders,
  type ResponseFormat,
  undiciDispatch,
  undiciRequest,
} from '../floors/bare-http.js'
import { type ExchangeLoad, exchangeDriver } from './exchange.js'
import { withHandshake } from './handshake.js'
import { withoutSession } from './modern.js'
import type { Contestant } from './suite.js'

/** Both ends of a session, from one implementation. */
export interface HttpEnds {
  readonly id: string
  readonly label: string
  readonly isOurs?: boolean
  readonly client: (url: string) => TransportLike
  /** Calls `accept` with each session before it is started. Resolves with the URL. */
  readonly serve: (
    accept: (wire: TransportLike) => Promise<void>,
    responseFormat: ResponseFormat,
  ) => Promise<string>
}

/** The transports of both official SDKs, directly on `node:http`. */
export const sdkHttp: readonly HttpEnds[] = [
  {
    id: 'sdk-v1',
    label: 'SDK 1, Streamable HTTP',
    client: (url) => new HttpClientV1(new URL(url)),
    serve: (accept, responseFormat) => serveSdk(accept, new HttpServerV1(sdkOptions(responseFormat))),
  },
  {
    id: 'sdk-v2',
    label: 'SDK 2, Streamable HTTP',
    client: (url) => new HttpClientV2(new URL(url)),
    serve: (accept, responseFormat) => serveSdk(accept, new HttpServerV2(sdkOptions(responseFormat))),
  },
]

/** Our transports. */
export const ourHttp: HttpEnds = {
  id: 'ours',
  label: 'httpClient, httpServer',
  isOurs: true,
  client: (url) => httpClient({ url }),
  serve: async (accept, responseFormat) => (await serve(httpServer({ port: 0, responseFormat }), accept)).url,
}

/** All contestants over HTTP, with that format of responses. */
export function httpContestants(responseFormat: ResponseFormat): Contestant<ExchangeLoad>[] {
  return [
    bare('undici-request', 'floor: undici request', responseFormat, (url) =>
      undiciRequest(url, responseFormat, new Agent()),
    ),
    bare('undici-request-modern', 'floor: undici request, 2026-07-28', responseFormat, (url) =>
      withoutSession(undiciRequest(url, responseFormat, new Agent(), mirroredHeaders)),
    ),
    bare('undici-dispatch', 'floor: undici dispatch', responseFormat, (url) =>
      undiciDispatch(url, responseFormat),
    ),
    ...[...sdkHttp, ourHttp].map((ends) => inSession(ends, responseFormat)),
    {
      ...inSession(ourHttp, responseFormat),
      id: 'ours-modern',
      label: 'the same without a session, 2026-07-28',
      open: async ({ address }) => await exchangeDriver(withoutSession(ourHttp.client(address))),
    },
  ]
}

function bare(
  id: string,
  label: string,
  responseFormat: ResponseFormat,
  client: (url: string) => TransportLike,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => await exchangeDriver(client(address)),
    server: { startedBy: 'harness', serve: () => listenBareHttp(responseFormat) },
  }
}

function inSession(
  { id, label, isOurs = false, client, serve }: HttpEnds,
  responseFormat: ResponseFormat,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => await exchangeDriver(withHandshake(client(address))),
    server: { startedBy: 'harness', serve: (accept) => serve(accept, responseFormat) },
    isOurs,
  }
}

interface SdkServer extends TransportLike {
  handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void>
}

/** A transport of the SDK is one session. */
async function serveSdk(
  accept: (wire: TransportLike) => Promise<void>,
  transport: SdkServer,
): Promise<string> {
  await accept(transport)
  return await listenHttp((request, response) => void transport.handleRequest(request, response))
}

function sdkOptions(responseFormat: ResponseFormat): {
  sessionIdGenerator: () => string
  enableJsonResponse: boolean
} {
  return { sessionIdGenerator: randomUUID, enableJsonResponse: responseFormat === 'json' }
}
