import {
  type Clock,
  isJsonRpcError,
  type JsonRpcPeer,
  type JsonRpcResult,
  type MessageParams,
  peer,
  type Transport,
  TransportError,
} from '@mcpwire/core'
import { ownVersion } from './own-version.js'

/** How a server is spoken to: with requests that say their revision each, or after a handshake. */
export type Era = 'modern' | 'legacy'

/** How to reach a server, as often as it takes. */
export interface Dial {
  /** A transport to it that was not started. */
  connect(): Promise<Transport>
  /** Where it is. */
  readonly place: string
  readonly timeoutMs: number
  readonly onerror: ((error: Error) => void) | undefined
  readonly clock: Clock
}

/** A connection whose era is known. */
export interface Conversation {
  readonly era: Era
  readonly address: string | null
  readonly protocolVersion: string
  readonly server: { readonly name: string; readonly version: string } | null
  readonly hasTools: boolean
  request(method: string, params?: MessageParams): Promise<JsonRpcResult>
  close(): Promise<void>
}

/** The first revision without a handshake. Revisions are dates: later ones compare as greater. */
const MODERN = '2026-07-28'
/** The newest first: `initialize` asks for it, and takes any of the others for an answer. */
const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

const META = 'io.modelcontextprotocol'
/** Errors that only a server of 2026-07-28 or later answers with. */
const MODERN_ERRORS = [-32_020, -32_021, -32_022]
const UNSUPPORTED_VERSION = -32_022

/**
 * Connects, and finds out the era: `server/discover` first, since a handshake would decide for a server that speaks
 * both; then `initialize` where that is answered in another way, or not at all (2026-07-28, stdio: Backward
 * Compatibility).
 */
export function negotiate(dial: Dial): Promise<Conversation> {
  return connected(dial, async (connection) => {
    return (await discover(connection, MODERN)) ?? (await shakeHands(connection))
  })
}

/** Connects with the handshake of the revisions before 2026-07-28. */
export function initialize(dial: Dial): Promise<Conversation> {
  return connected(dial, shakeHands)
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

interface Connection {
  readonly transport: Transport
  readonly peer: JsonRpcPeer
  readonly timeoutMs: number
}

async function open({ connect, place, timeoutMs, onerror, clock }: Dial): Promise<Connection> {
  const transport = await connect()
  const ours = peer(transport, { onError: onerror, clock })
  const late = clock.deadline(timeoutMs, () => {
    void transport.close({ reason: notConnected(place, timeoutMs) })
  })
  try {
    await ours.start()
  } finally {
    late[Symbol.dispose]()
  }
  return { transport, peer: ours, timeoutMs }
}

function notConnected(address: string, timeoutMs: number): TransportError {
  const message = `${address} did not answer within ${timeoutMs} ms; --timeout-ms allows for more`
  return new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs })
}

function request(
  { peer, timeoutMs }: Connection,
  method: string,
  params: MessageParams,
): Promise<JsonRpcResult> {
  return peer.request(method, params, { timeoutMs })
}

/** The conversation with a server of 2026-07-28 or later; undefined where it seems to be none. */
async function discover(connection: Connection, version: string): Promise<Conversation | undefined> {
  let found: JsonRpcResult
  try {
    found = await request(connection, 'server/discover', { _meta: envelope(version) })
  } catch (error) {
    if (!isJsonRpcError(error) || !MODERN_ERRORS.includes(error.code)) return undefined
    const supported = textsIn((error.data as { supported?: unknown } | undefined)?.supported)
    const other = supported
      .filter((each) => each >= MODERN)
      .sort()
      .at(-1)
    if (error.code === UNSUPPORTED_VERSION && other !== undefined && version === MODERN) {
      return await discover(connection, other)
    }
    // A server of both eras may be too old for the modern one that we speak.
    if (supported.some((each) => LEGACY.includes(each))) return undefined
    throw error
  }
  if (!textsIn(found['supportedVersions']).includes(version)) return undefined
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

async function shakeHands(connection: Connection): Promise<Conversation> {
  const { transport, peer } = connection
  const params = { protocolVersion: LEGACY[0], capabilities: {}, clientInfo: clientInfo() }
  const answer = await request(connection, 'initialize', params)
  const protocolVersion = answer['protocolVersion']
  if (typeof protocolVersion !== 'string' || !LEGACY.includes(protocolVersion)) {
    throw new Error(`the server answered initialize with a version that is unknown here: ${protocolVersion}`)
  }
  transport.setProtocolVersion?.(protocolVersion)
  await peer.notify('notifications/initialized')
  return {
    ...factsOf(connection, answer, answer['serverInfo']),
    era: 'legacy',
    protocolVersion,
    request: (method, params = {}) => request(connection, method, params),
  }
}

function clientInfo(): { name: string; version: string } {
  return { name: 'mcpwire', version: ownVersion() }
}

type Facts = Pick<Conversation, 'address' | 'server' | 'hasTools' | 'close'>

function factsOf({ transport, peer }: Connection, answer: JsonRpcResult, info: unknown): Facts {
  const { name, version } = (info ?? {}) as { name?: unknown; version?: unknown }
  const capabilities = (answer['capabilities'] ?? {}) as { tools?: unknown }
  return {
    address: transport.peer?.address ?? null,
    server: typeof name === 'string' && typeof version === 'string' ? { name, version } : null,
    hasTools: capabilities.tools !== undefined,
    close: () => peer.close(),
  }
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
