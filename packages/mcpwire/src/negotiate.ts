import {
  type Clock,
  isJsonRpcError,
  isRequest,
  isTransportError,
  type JsonRpcPeer,
  type JsonRpcResult,
  type MessageParams,
  peer,
  type Transport,
  TransportError,
  tap,
  withLayers,
} from '@mcpwire/core'
import { ownVersion } from './program.js'

/** Each request of a modern server carries its revision. A legacy server needs a handshake first. */
export type Era = 'modern' | 'legacy'

/** How to connect to a server, once or more. */
export interface Dial {
  /** Creates a transport that was not started. */
  connect(): Promise<Transport>
  /** The address of the server for errors. */
  readonly address: string
  readonly timeoutMs: number
  readonly onerror: ((error: Error) => void) | undefined
  /** Receives a sentence about a request without a response for some seconds. */
  readonly onslow: ((text: string) => void) | undefined
  readonly clock: Clock
}

/** A connection whose era is known. */
export interface Conversation {
  readonly era: Era
  readonly address: string | null
  readonly transport: ProbedTransport
  readonly protocolVersion: string
  readonly server: { readonly name: string; readonly version: string } | null
  readonly hasTools: boolean
  request(method: string, params?: MessageParams): Promise<JsonRpcResult>
  close(): Promise<void>
}

/** The transport of a connection: the medium, or over HTTP one of the two transports of MCP. */
export type ProbedTransport = 'stdio' | 'tcp' | 'unix' | 'ws' | 'memory' | 'streamable-http' | 'http+sse'

/** The first revision without a handshake. Revisions are dates: later ones compare as greater. */
const MODERN = '2026-07-28'
/** Newest first: `initialize` requests the newest and accepts any of them. */
const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

const META = 'io.modelcontextprotocol'
/** Error codes that only servers of 2026-07-28 or later use. */
const MODERN_ERRORS = [-32_020, -32_021, -32_022]
const UNSUPPORTED_VERSION = -32_022

/**
 * Connects and detects the era. Sends `server/discover` first, because a handshake selects the legacy era on a server
 * of both. Sends `initialize` if the server does not support it (2026-07-28, stdio: Backward Compatibility).
 */
export async function negotiate(dial: Dial): Promise<Conversation> {
  const held: Error[] = []
  let isHolding = true
  const onerror = (error: Error): void => {
    if (isHolding && isTransportError(error) && FALLBACK_CODES.includes(error.code)) held.push(error)
    else dial.onerror?.(error)
  }
  try {
    return await connected({ ...dial, onerror }, async (connection) => {
      return (await discover(connection, MODERN)) ?? (await handshake(connection))
    })
  } catch (error) {
    for (const each of held) dial.onerror?.(each)
    throw error
  } finally {
    isHolding = false
  }
}

/** The codes of errors that lead to another transport or era. They are none if the negotiation succeeds. */
const FALLBACK_CODES: readonly string[] = [
  'OUTCOME_UNKNOWN',
  'PROCESS_EXITED',
  'REFUSED',
  'REQUEST_TIMEOUT',
  'SEND_FAILED',
]

/** Connects with the handshake of revisions before 2026-07-28. */
export function initialize(dial: Dial): Promise<Conversation> {
  return connected(dial, handshake)
}

async function connected(
  dial: Dial,
  begin: (connection: Connection) => Promise<Conversation>,
): Promise<Conversation> {
  const connection = await open(dial)
  try {
    return await begin(connection)
  } catch (error) {
    await connection.peer.close()
    throw error
  }
}

interface Connection extends Pick<Dial, 'address' | 'timeoutMs' | 'onslow' | 'clock'> {
  readonly transport: Transport
  readonly peer: JsonRpcPeer
}

async function open(dial: Dial): Promise<Connection> {
  const { connect, address, timeoutMs, onerror, onslow, clock } = dial
  const transport = await connect()
  const client = peer(transport, { onError: onerror, clock })
  const deadline = clock.deadline(timeoutMs, () => {
    void transport.close({ reason: connectTimeout(address, timeoutMs) })
  })
  try {
    await client.start()
  } finally {
    deadline[Symbol.dispose]()
  }
  return { transport, peer: client, address, timeoutMs, onslow, clock }
}

/** The methods that begin a conversation. A server never sends them. */
const FIRST_METHODS: readonly string[] = ['initialize', 'server/discover']

/** Closes a transport whose other end sends the first request back, with an error that explains it. */
export function refuseEcho(given: Transport, address: string): Transport {
  const transport = withLayers(
    given,
    tap({
      onReceive: (message) => {
        if (!isRequest(message) || !FIRST_METHODS.includes(message.method)) return
        const name = transport.peer?.address ?? address
        const text = `${name} is not an MCP server: it echoes its input`
        void transport.close({ reason: new TransportError('CONNECT_FAILED', text, { address: name }) })
      },
    }),
  )
  return transport
}

/** How long a request may take before a note about it. */
const SLOW_MS = 3_000

function connectTimeout(address: string, timeoutMs: number): TransportError {
  const message = `no connection to ${address} within ${timeoutMs} ms`
  const hint = 'raise option "timeoutMs"'
  return new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs, option: 'timeoutMs', hint })
}

async function request(
  { transport, peer, address, timeoutMs, onslow, clock }: Connection,
  method: string,
  params: MessageParams,
): Promise<JsonRpcResult> {
  const slow = clock.deadline(SLOW_MS < timeoutMs ? SLOW_MS : Infinity, () => {
    const server = transport.peer?.address ?? address
    onslow?.(
      `${server} has not responded to ${method} for ${SLOW_MS / 1_000} s; --timeout-ms is ${timeoutMs}`,
    )
  })
  try {
    return await peer.request(method, params, { timeoutMs })
  } finally {
    slow[Symbol.dispose]()
  }
}

/** The conversation with a server of 2026-07-28 or later; `undefined` if the server seems to be older. */
async function discover(connection: Connection, version: string): Promise<Conversation | undefined> {
  let found: JsonRpcResult
  try {
    found = await request(connection, 'server/discover', { _meta: envelope(version) })
  } catch (error) {
    if (!isJsonRpcError(error) || !MODERN_ERRORS.includes(error.code)) return undefined
    const supported = stringsIn((error.data as { supported?: unknown } | undefined)?.supported)
    const other = supported
      .filter((each) => each >= MODERN)
      .sort()
      .at(-1)
    if (error.code === UNSUPPORTED_VERSION && other !== undefined && version === MODERN) {
      return await discover(connection, other)
    }
    // A server of both eras may not support the modern revision of this client.
    if (supported.some((each) => LEGACY.includes(each))) return undefined
    throw error
  }
  if (!stringsIn(found['supportedVersions']).includes(version)) return undefined
  return {
    ...factsOf(connection, found, found._meta?.[`${META}/serverInfo`] ?? found['serverInfo']),
    era: 'modern',
    protocolVersion: version,
    request: (method, params) => {
      return request(connection, method, { ...params, _meta: { ...params?._meta, ...envelope(version) } })
    },
  }
}

function envelope(version: string): NonNullable<MessageParams['_meta']> {
  return {
    [`${META}/protocolVersion`]: version,
    [`${META}/clientInfo`]: clientInfo(),
    [`${META}/clientCapabilities`]: {},
  }
}

async function handshake(connection: Connection): Promise<Conversation> {
  const { transport, peer } = connection
  const params = { protocolVersion: LEGACY[0], capabilities: {}, clientInfo: clientInfo() }
  const result = await request(connection, 'initialize', params)
  const protocolVersion = result['protocolVersion']
  if (typeof protocolVersion !== 'string' || !LEGACY.includes(protocolVersion)) {
    throw new Error(`initialize failed: the server responded with unknown version ${protocolVersion}`)
  }
  transport.setProtocolVersion?.(protocolVersion)
  await peer.notify('notifications/initialized')
  return {
    ...factsOf(connection, result, result['serverInfo']),
    era: 'legacy',
    protocolVersion,
    request: (method, params = {}) => request(connection, method, params),
  }
}

function clientInfo(): { name: string; version: string } {
  return { name: 'mcpwire', version: ownVersion() }
}

type Facts = Pick<Conversation, 'address' | 'transport' | 'server' | 'hasTools' | 'close'>

function factsOf({ transport, peer }: Connection, result: JsonRpcResult, info: unknown): Facts {
  const { name, version } = (info ?? {}) as { name?: unknown; version?: unknown }
  const capabilities = (result['capabilities'] ?? {}) as { tools?: unknown }
  return {
    address: transport.peer?.address ?? null,
    transport: transportOf(transport),
    server: typeof name === 'string' && typeof version === 'string' ? { name, version } : null,
    hasTools: capabilities.tools !== undefined,
    close: () => peer.close(),
  }
}

function transportOf({ peer, hasPerRequestStream }: Transport): ProbedTransport {
  if (peer?.medium !== 'http') return (peer?.medium ?? 'memory') as ProbedTransport
  return hasPerRequestStream ? 'streamable-http' : 'http+sse'
}

function stringsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
