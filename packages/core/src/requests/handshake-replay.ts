import {
  isErrorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from '../contract/message.js'
import {
  DISCOVER_METHOD,
  INITIALIZE_METHOD,
  INITIALIZED_METHOD,
  LISTEN_METHOD,
} from '../contract/protocol.js'
import { cancelledBy, namesRevision } from '../messages/era.js'

/** What to do with a message that was received. */
export type ReplayStep =
  /** It is for the client. */
  | { readonly kind: 'deliver' }
  /** It was the answer to a replayed `initialize`: send these, in order, then whatever waited. */
  | { readonly kind: 'ready'; readonly send: readonly JsonRpcMessage[] }
  /** It was that answer, and the conversation cannot go on over this connection. */
  | { readonly kind: 'failed'; readonly why: string }

/** Remembers what a client told its server about itself, to tell it again to one that knows nothing of it. */
export interface HandshakeReplay {
  /** Legacy once `initialize` was answered, modern once requests name their revision or discovery succeeded. */
  readonly era: 'unknown' | 'legacy' | 'modern'
  /** Whether the answer to a replayed `initialize` is awaited. What the client sends waits meanwhile. */
  readonly isReplaying: boolean
  /** Watches a message of the client, just before it is sent. Not for what a replay says to send. */
  sent(message: JsonRpcMessage): void
  /** Judges a message of the server, on a first connection as on a later one. */
  received(message: JsonRpcMessage): ReplayStep
  /** Says that there is a new connection, and returns what to send on it first, in order. */
  reconnected(): readonly JsonRpcMessage[]
  /** Whether `reconnected()` would send that request of the client again, so that nobody else need answer it. */
  resends(id: RequestId): boolean
  /** Says that the client gave up a request without a message, by its `requestSignal`. */
  abandoned(id: RequestId): void
}

/** Ids nobody else uses: a client may choose any, so that these only have to be unlikely. */
const PRIVATE_ID_PREFIX = 'mcpwire/replayed-initialize/'

type Replay =
  | { readonly name: 'none' }
  | { readonly name: 'awaiting'; readonly id: RequestId; readonly protocolVersion: unknown }

interface Handshake {
  readonly initialize: JsonRpcRequest
  readonly protocolVersion: unknown
  initialized: JsonRpcNotification | undefined
}

/**
 * Makes the state machine that lets a conversation outlive its connection; it does no input or output and takes no
 * time. For layers and clients that connect again on behalf of a client that does not notice: `reconnect` after a
 * lost connection, `share` for each further client of one server, HTTP after a lost session.
 *
 * Call `sent` and `received` for everything that passes. After a new connection was made, send what `reconnected`
 * returns, hold back what the client sends while `isReplaying`, and follow the steps `received` returns; a private
 * id keeps the answer to the replayed `initialize` from the client. An `initialize` that was not answered yet, and
 * open `subscriptions/listen` requests, are sent again under their own ids: their answers are for the client.
 *
 * Log levels and resource subscriptions of the legacy eras are not replayed.
 */
export function handshakeReplay(): HandshakeReplay {
  let era: HandshakeReplay['era'] = 'unknown'
  let asked: JsonRpcRequest | undefined
  let discovering: RequestId | undefined
  let handshake: Handshake | undefined
  let replay: Replay = { name: 'none' }
  let replays = 0
  const listening = new Map<RequestId, JsonRpcRequest>()

  function sentRequest(request: JsonRpcRequest): void {
    if (request.method === INITIALIZE_METHOD) asked = request
    else if (request.method === DISCOVER_METHOD) discovering = request.id
    else if (namesRevision(request)) era = 'modern'
    if (request.method === LISTEN_METHOD) listening.set(request.id, request)
  }

  function forget(id: RequestId | undefined): void {
    if (id === undefined) return
    listening.delete(id)
    if (id === discovering) discovering = undefined
  }

  function answered(response: JsonRpcResponse): void {
    const { id } = response
    const isResult = !isErrorResponse(response)
    if (asked && id === asked.id) {
      if (isResult) {
        handshake = {
          initialize: asked,
          protocolVersion: response.result['protocolVersion'],
          initialized: undefined,
        }
        era = 'legacy'
      }
      asked = undefined
    } else if (id !== undefined && id === discovering && isResult) era = 'modern'
    forget(id)
  }

  function replayAnswered(response: JsonRpcResponse, expected: unknown): ReplayStep {
    replay = { name: 'none' }
    if (isErrorResponse(response)) {
      return { kind: 'failed', why: `the server refused to initialize again: ${response.error.message}` }
    }
    const { protocolVersion } = response.result
    if (protocolVersion !== expected) {
      const why = `the server now speaks ${String(protocolVersion)} instead of ${String(expected)}`
      return { kind: 'failed', why }
    }
    const { initialized } = handshake as Handshake
    return { kind: 'ready', send: [...(initialized ? [initialized] : []), ...listening.values()] }
  }

  return {
    get era() {
      return era
    },
    get isReplaying() {
      return replay.name === 'awaiting'
    },
    sent: (message) => {
      if (isRequest(message)) sentRequest(message)
      else if (isResponse(message)) return
      else if (message.method === INITIALIZED_METHOD && handshake) handshake.initialized = message
      else forget(cancelledBy(message))
    },
    received: (message) => {
      if (isResponse(message)) {
        if (replay.name === 'awaiting' && message.id === replay.id)
          return replayAnswered(message, replay.protocolVersion)
        answered(message)
      } else if (!isRequest(message)) forget(cancelledBy(message))
      return { kind: 'deliver' }
    },
    reconnected: () => {
      replay = { name: 'none' }
      if (asked) return [asked]
      if (!handshake || era !== 'legacy') return [...listening.values()]
      const id = `${PRIVATE_ID_PREFIX}${++replays}`
      replay = { name: 'awaiting', id, protocolVersion: handshake.protocolVersion }
      return [{ ...handshake.initialize, id }]
    },
    resends: (id) => asked?.id === id || listening.has(id),
    abandoned: forget,
  }
}
