import type {
  Client,
  AuthInfo as ClientAuthInfo,
  MessageExtraInfo as ClientExtraInfo,
  JSONRPCMessage as ClientMessage,
  Transport as ClientTransport,
  InMemoryTransport,
  StreamableHTTPClientTransport,
  TransportSendOptions,
} from '@modelcontextprotocol/client'
import type { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import type {
  McpServer,
  EventStore as SdkEventStore,
  AuthInfo as ServerAuthInfo,
  MessageExtraInfo as ServerExtraInfo,
  JSONRPCMessage as ServerMessage,
  Transport as ServerTransport,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import type { ServeStdioOptions, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import type {
  AuthInfo,
  EventStore,
  JsonRpcMessage,
  MessageContext,
  SendOptions,
  Transport,
  TransportLike,
} from '../src/index.js'
import type { Expect, Fits, IsAny, Not } from './assert.js'

// A transport of ours is one of the SDK's, and the other way round.
export type Transports = [
  Expect<Fits<Transport, ClientTransport>>,
  Expect<Fits<Transport, ServerTransport>>,
  Expect<Fits<TransportLike, ClientTransport>>,
  Expect<Fits<TransportLike, ServerTransport>>,
  Expect<Fits<ClientTransport, TransportLike>>,
  Expect<Fits<ServerTransport, TransportLike>>,
  Expect<Fits<InMemoryTransport, TransportLike>>,
  Expect<Fits<StdioClientTransport, TransportLike>>,
  Expect<Fits<StreamableHTTPClientTransport, TransportLike>>,
  Expect<Fits<StdioServerTransport, TransportLike>>,
  Expect<Fits<WebStandardStreamableHTTPServerTransport, TransportLike>>,
  Expect<Fits<Transport, Parameters<Client['connect']>[0]>>,
  Expect<Fits<Transport, Parameters<McpServer['connect']>[0]>>,
  Expect<Fits<{ transport: Transport }, ServeStdioOptions>>,
]

// What crosses it is the same.
export type Messages = [
  Expect<Fits<JsonRpcMessage, ClientMessage>>,
  Expect<Fits<JsonRpcMessage, ServerMessage>>,
  Expect<Fits<ClientMessage, JsonRpcMessage>>,
  Expect<Fits<ServerMessage, JsonRpcMessage>>,
]

// What travels with it fits where it goes: ours is read by the SDK, the SDK's by us.
export type Companions = [
  Expect<Fits<MessageContext, ClientExtraInfo>>,
  Expect<Fits<MessageContext, ServerExtraInfo>>,
  Expect<Fits<TransportSendOptions, SendOptions>>,
  Expect<Fits<SendOptions, TransportSendOptions>>,
  Expect<Fits<AuthInfo, ClientAuthInfo>>,
  Expect<Fits<ClientAuthInfo, AuthInfo>>,
  Expect<Fits<AuthInfo, ServerAuthInfo>>,
  Expect<Fits<ServerAuthInfo, AuthInfo>>,
]

// Their event stores serve us, and ours serve them.
export type Stores = [Expect<Fits<SdkEventStore, EventStore>>, Expect<Fits<EventStore, SdkEventStore>>]

// None of this holds because something is `any`.
export type Pins = [
  Expect<Not<IsAny<ClientTransport>>>,
  Expect<Not<IsAny<ServerTransport>>>,
  Expect<Not<IsAny<ClientMessage>>>,
  Expect<Not<IsAny<ServerMessage>>>,
  Expect<Not<IsAny<ClientExtraInfo>>>,
  Expect<Not<IsAny<SdkEventStore>>>,
  Expect<Not<IsAny<StdioServerTransport>>>,
  Expect<Not<Fits<{ start(): Promise<void> }, ClientTransport>>>,
]
