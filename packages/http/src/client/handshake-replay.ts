import {
  isErrorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from '@mcpwire/core'
import {
  cancelledBy,
  DISCOVER_METHOD,
  INITIALIZE_METHOD,
  INITIALIZED_METHOD,
  LISTEN_METHOD,
  namesRevision,
} from '@mcpwire/core/authoring'

/** The next step for a received message. */
export type ReplayStep =
  /** Deliver the message to the client. */
  | { readonly kind: 'deliver' }
  /** The message was the response to a replayed `initialize`. Send these, in order, then the held messages. */
  | { readonly kind: 'ready'; readonly send: readonly JsonRpcMessage[] }
  /** The message was that response, and the conversation cannot continue on this connection. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Records the handshake of a client, to repeat it on a new connection. */
export interface HandshakeReplay {
  /** Legacy after the response to `initialize`. Modern after a request with a revision, or a successful discovery. */
  readonly era: 'unknown' | 'legacy' | 'modern'
  /** Whether a replayed `initialize` is pending. Hold the messages of the client until then. */
  readonly isReplaying: boolean
  /** Records a message of the client, before it is sent. Not for the messages of a replay. */
  sent(message: JsonRpcMessage): void
  /** The step for a message of the server, on the first and on any later connection. */
  received(message: JsonRpcMessage): ReplayStep
  /** Starts a replay on a new connection. Returns the messages to send first, in order. */
  reconnected(): readonly JsonRpcMessage[]
  /** Whether `reconnected()` returns that request again, so that it needs no error response. */
  resends(id: RequestId): boolean
  /** Records that the client cancelled a request by its `requestSignal`, without a message. */
  cancelled(id: RequestId): void
}

/** The prefix of the ids of replayed requests. A client may choose any id, so that these are unlikely ones. */
const PRIVATE_ID_PREFIX = 'mcpwire/replayed-initialize/'

type Replay =
  | { readonly name: 'none' }
  | { readonly name: 'awaiting'; readonly id: RequestId; readonly protocolVersion: unknown }

interface InitializeRecord {
  readonly initialize: JsonRpcRequest
  readonly protocolVersion: unknown
  initialized: JsonRpcNotification | undefined
}

/**
 * Makes the state machine that continues a conversation on a new connection, such as after a lost session. It does no
 * input or output and uses no clock.
 *
 * Call `sent` and `received` for each message. On a new connection, send the messages of `reconnected`, hold those of the
 * client while `isReplaying`, and follow the steps of `received`. The replayed `initialize` has a private id, so that its
 * response does not reach the client. A pending `initialize` and open `subscriptions/listen` requests are sent again under
 * their own ids: their responses go to the client.
 *
 * Log levels and resource subscriptions of the legacy eras are not replayed.
 *
 * @example
 * ```ts
 * const replay = handshakeReplay()
 * for (const message of replay.reconnected()) await channel.send(message)
 * ```
 */
export function handshakeReplay(): HandshakeReplay {
  let era: HandshakeReplay['era'] = 'unknown'
  let initialize: JsonRpcRequest | undefined
  let discoverId: RequestId | undefined
  let record: InitializeRecord | undefined
  let replay: Replay = { name: 'none' }
  let replays = 0
  const listening = new Map<RequestId, JsonRpcRequest>()

  function sentRequest(request: JsonRpcRequest): void {
    if (request.method === INITIALIZE_METHOD) initialize = request
    else if (request.method === DISCOVER_METHOD) discoverId = request.id
    else if (namesRevision(request)) era = 'modern'
    if (request.method === LISTEN_METHOD) listening.set(request.id, request)
  }

  function remove(id: RequestId | undefined): void {
    if (id === undefined) return
    listening.delete(id)
    if (id === discoverId) discoverId = undefined
  }

  function responded(response: JsonRpcResponse): void {
    const { id } = response
    const isResult = !isErrorResponse(response)
    if (initialize && id === initialize.id) {
      if (isResult) {
        record = {
          initialize,
          protocolVersion: response.result['protocolVersion'],
          initialized: undefined,
        }
        era = 'legacy'
      }
      initialize = undefined
    } else if (id !== undefined && id === discoverId && isResult) era = 'modern'
    remove(id)
  }

  function replayResponded(response: JsonRpcResponse, expected: unknown): ReplayStep {
    replay = { name: 'none' }
    if (isErrorResponse(response)) {
      return { kind: 'failed', reason: `the server refused to initialize again: ${response.error.message}` }
    }
    const { protocolVersion } = response.result
    if (protocolVersion !== expected) {
      const reason = `the server now has protocol version ${String(protocolVersion)} instead of ${String(expected)}`
      return { kind: 'failed', reason }
    }
    const { initialized } = record as InitializeRecord
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
      else if (message.method === INITIALIZED_METHOD && record) record.initialized = message
      else remove(cancelledBy(message))
    },
    received: (message) => {
      if (isResponse(message)) {
        if (replay.name === 'awaiting' && message.id === replay.id)
          return replayResponded(message, replay.protocolVersion)
        responded(message)
      } else if (!isRequest(message)) remove(cancelledBy(message))
      return { kind: 'deliver' }
    },
    reconnected: () => {
      replay = { name: 'none' }
      if (initialize) return [initialize]
      if (!record || era !== 'legacy') return [...listening.values()]
      const id = `${PRIVATE_ID_PREFIX}${++replays}`
      replay = { name: 'awaiting', id, protocolVersion: record.protocolVersion }
      return [{ ...record.initialize, id }]
    },
    resends: (id) => initialize?.id === id || listening.has(id),
    cancelled: remove,
  }
}
