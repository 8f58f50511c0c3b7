import {
  type Flow,
  isRequest,
  type JsonRpcMessage,
  type Layer,
  type RequestId,
  type SendOptions,
  TransportError,
} from '@mcpwire/core'
import {
  type Channel,
  type Connector,
  toErrorResponse,
  type Sink,
  type Traffic,
  toError,
} from '@mcpwire/core/authoring'

/** How a client of both eras asks a server for its revisions (2026-07-28, Discovery). */
const DISCOVER_METHOD = 'server/discover'

/** Most messages that wait for a server that starts again; its client waits for an answer, and sends none. */
const MAX_HELD_MESSAGES = 64

/**
 * Starts a server again, once, that ended when it was asked `server/discover` and nothing else. Servers of before
 * 2026-07-28 may exit on what comes before `initialize`; the answer they owe is an error then, which tells a client
 * of both eras to go on with `initialize` (2026-07-28, stdio: Backward Compatibility).
 */
export const restartAfterProbe: Layer = (next) => ({
  ...next,
  connect: async (sink, signal) => {
    const conversation = new Conversation(next, sink)
    return conversation.channel(await next.connect(conversation.sink, signal))
  },
})

type Held = (channel: Channel) => void

/** A conversation whose server may be replaced before anything was said but probes. */
class Conversation {
  readonly sink: Sink
  readonly #next: Connector
  readonly #outer: Sink
  readonly #stop = new AbortController()
  /** The probes that wait for an answer; nothing once anything else was said. */
  #probes: RequestId[] | undefined = []
  /** What is sent while the server starts again. */
  #held: Held[] | undefined
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

  /** A channel that is the first one, or the one that took its place. They have the same peer. */
  channel(first: Channel): Channel {
    this.#current = first
    const current = (): Channel => this.#current
    return {
      peer: first.peer,
      traffic: trafficOf(current),
      flow: flowOf(current),
      send: (message, options) => this.#send(message, options),
      close: async (reason) => {
        this.#stop.abort(reason)
        if (this.#held) await this.#restarting
        else await this.#current.close(reason)
      },
    }
  }

  #send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    if (this.#probes) this.#watch(this.#probes, message)
    const held = this.#held
    if (!held) return this.#current.send(message, options)
    if (held.length >= MAX_HELD_MESSAGES) return Promise.reject(startsAgain(this.#current))
    return new Promise((resolve, reject) => {
      held.push((channel) => {
        try {
          resolve(channel.send(message, options))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #watch(probes: RequestId[], message: JsonRpcMessage): void {
    if (isRequest(message) && message.method === DISCOVER_METHOD) probes.push(message.id)
    else this.#probes = undefined
  }

  #ended(reason: Error | undefined): void {
    const asked = this.#probes ?? []
    this.#probes = undefined
    if (asked.length > 0) this.#restarting = this.#again(asked, reason)
    else this.#outer.end(reason)
  }

  /** Never rejects. */
  async #again(asked: readonly RequestId[], reason: Error | undefined): Promise<void> {
    const { signal } = this.#stop
    const held: Held[] = []
    this.#held = held
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
    this.#held = undefined
    for (const send of held) send(this.#current)
    const why = reason ?? new TransportError('CLOSED', 'the server ended', undefined)
    for (const id of asked) this.#outer.message(toErrorResponse(id, why))
  }
}

function startsAgain({ peer }: Channel): Error {
  return new TransportError('SEND_FAILED', `${peer.address} is starting again`, { delivery: 'none' })
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
