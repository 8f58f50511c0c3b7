import {
  type Flow,
  isRequest,
  isTransportError,
  type JsonRpcMessage,
  type Layer,
  type RequestId,
  type SendOptions,
  TransportError,
} from '@mcpwire/core'
import {
  type Channel,
  type Connector,
  type Sink,
  type Traffic,
  toError,
  toErrorResponse,
} from '@mcpwire/core/authoring'

/** The request for the revisions of a server, from a client of both eras (2026-07-28, Discovery). */
const DISCOVER_METHOD = 'server/discover'

/** Limit for messages that are queued during a restart. A client waits for a response and sends few. */
const MAX_QUEUED_MESSAGES = 64

/**
 * Restarts a server, once, that exits on `server/discover` before any other message.
 *
 * Servers from before 2026-07-28 may exit on a request before `initialize`. The probe then gets an error response, and
 * a client of both eras continues with `initialize` (2026-07-28, stdio: Backward Compatibility).
 *
 *     probing ──── other message, either way ────▶ settled: a further end is the end of the conversation
 *        │
 *        └──────── end after a probe ────────────▶ restarting: sends are queued
 *                                                     ├── connected ──▶ settled: queue sent, probes get an error
 *                                                     └── failed ─────▶ ended
 */
export const restartAfterProbe: Layer = (next) => ({
  ...next,
  connect: async (sink, signal) => {
    const conversation = new RestartableConversation(next, sink)
    return conversation.channel(await next.connect(conversation.sink, signal))
  },
})

type QueuedSend = (channel: Channel) => void

class RestartableConversation {
  readonly sink: Sink
  readonly #next: Connector
  readonly #outer: Sink
  readonly #closing = new AbortController()
  /** The probes without a response. `undefined` after any other message. */
  #probes: RequestId[] | undefined = []
  /** Sends during a restart. */
  #queue: QueuedSend[] | undefined
  #restarting: Promise<void> | undefined
  #current!: Channel

  constructor(next: Connector, outer: Sink) {
    this.#next = next
    this.#outer = outer
    this.sink = {
      ...outer,
      message: (message, context) => {
        this.#probes = undefined
        outer.message(message, context)
      },
      end: (reason) => this.#ended(reason),
    }
  }

  /** A channel that delegates to the first child, and after a restart to the second. Both have the same peer. */
  channel(first: Channel): Channel {
    this.#current = first
    const current = (): Channel => this.#current
    return {
      peer: first.peer,
      traffic: trafficOf(current),
      flow: flowOf(current),
      send: (message, options) => this.#send(message, options),
      close: async (reason) => {
        this.#closing.abort(reason)
        if (this.#queue) await this.#restarting
        else await this.#current.close(reason)
      },
    }
  }

  #send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    if (this.#probes) this.#trackProbe(this.#probes, message)
    const queue = this.#queue
    if (!queue) return this.#current.send(message, options)
    if (queue.length >= MAX_QUEUED_MESSAGES) return Promise.reject(queueFull(this.#current))
    return new Promise((resolve, reject) => {
      queue.push((channel) => {
        try {
          resolve(channel.send(message, options))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #trackProbe(probes: RequestId[], message: JsonRpcMessage): void {
    if (isRequest(message) && message.method === DISCOVER_METHOD) probes.push(message.id)
    else this.#probes = undefined
  }

  #ended(reason: Error | undefined): void {
    const probes = this.#probes ?? []
    this.#probes = undefined
    // A program that is no MCP server would not be one after a restart.
    const mayRestart = probes.length > 0 && !isTransportError(reason, 'CONNECT_FAILED')
    if (mayRestart) this.#restarting = this.#restart(probes, reason)
    else this.#outer.end(reason)
  }

  /** Never rejects. */
  async #restart(probes: readonly RequestId[], reason: Error | undefined): Promise<void> {
    const { signal } = this.#closing
    const queue: QueuedSend[] = []
    this.#queue = queue
    if (reason) this.#outer.error(reason)
    try {
      this.#current = await this.#next.connect(this.#outer, signal)
    } catch (error) {
      if (!signal.aborted) this.#outer.end(toError(error))
      return
    }
    if (signal.aborted) {
      await this.#current.close()
      return
    }
    this.#queue = undefined
    for (const send of queue) send(this.#current)
    const why = reason ?? new TransportError('CLOSED', 'the server ended', undefined)
    for (const id of probes) this.#outer.message(toErrorResponse(id, why))
  }
}

function queueFull({ peer }: Channel): Error {
  const message = `cannot send to ${peer.address} during its restart: ${MAX_QUEUED_MESSAGES} messages are queued`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' })
}

function trafficOf(current: () => Channel): Traffic {
  return {
    get bytesSent() {
      return current().traffic?.bytesSent ?? 0
    },
    get bytesReceived() {
      return current().traffic?.bytesReceived ?? 0
    },
  }
}

function flowOf(current: () => Channel): Flow {
  return { pause: () => current().flow?.pause(), resume: () => current().flow?.resume() }
}
