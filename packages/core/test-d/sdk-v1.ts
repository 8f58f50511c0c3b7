import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import type { AuthInfo as SdkAuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { EventStore as SdkEventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type {
  Transport as SdkTransport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js'
import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId as SdkRequestId,
} from '@modelcontextprotocol/sdk/types.js'
import type {
  AuthInfo,
  EventStore,
  JsonRpcMessage,
  MessageContext,
  RequestId,
  SendOptions,
  Transport,
  TransportLike,
} from '../src/index.js'
import type { Expect, Fits, IsAny, Not } from './assert.js'

// A transport of ours is one of the SDK's, and the other way round.
export type Transports = [
  Expect<Fits<Transport, SdkTransport>>,
  Expect<Fits<TransportLike, SdkTransport>>,
  Expect<Fits<SdkTransport, TransportLike>>,
  Expect<Fits<InMemoryTransport, TransportLike>>,
  Expect<Fits<StdioClientTransport, TransportLike>>,
  Expect<Fits<StreamableHTTPClientTransport, TransportLike>>,
  Expect<Fits<Transport, Parameters<Client['connect']>[0]>>,
  Expect<Fits<Transport, Parameters<McpServer['connect']>[0]>>,
]

// What crosses it is the same.
export type Messages = [
  Expect<Fits<JsonRpcMessage, JSONRPCMessage>>,
  Expect<Fits<JSONRPCMessage, JsonRpcMessage>>,
  Expect<Fits<RequestId, SdkRequestId>>,
  Expect<Fits<SdkRequestId, RequestId>>,
]

// What travels with it fits where it goes: ours is read by the SDK, the SDK's by us.
export type Companions = [
  Expect<Fits<MessageContext, MessageExtraInfo>>,
  Expect<Fits<TransportSendOptions, SendOptions>>,
  Expect<Fits<AuthInfo, SdkAuthInfo>>,
  Expect<Fits<SdkAuthInfo, AuthInfo>>,
]

// Their event stores serve us, and ours serve them.
export type Stores = [Expect<Fits<SdkEventStore, EventStore>>, Expect<Fits<EventStore, SdkEventStore>>]

// None of this holds because something is `any`.
export type Pins = [
  Expect<Not<IsAny<SdkTransport>>>,
  Expect<Not<IsAny<JSONRPCMessage>>>,
  Expect<Not<IsAny<MessageExtraInfo>>>,
  Expect<Not<IsAny<SdkEventStore>>>,
  Expect<Not<IsAny<InMemoryTransport>>>,
  Expect<Not<Fits<{ start(): Promise<void> }, SdkTransport>>>,
]
