import {
  type Channel,
  type Connector,
  errorAnswer,
  type Flow,
  isRequest,
  type JsonRpcMessage,
  type Layer,
  type RequestId,
  type SendOptions,
  type Sink,
  type Traffic,
  TransportError,
  toError,
} from '@mcpwire/core'

/** How a client of both eras asks a server for its revisions (2026-07-28, Discovery). */
const DISCOVER_METHOD = 'server/discover'

type Held = (channel: Channel) => void

/**
 * Starts a server again, once, that ended when it was asked `server/discover` and nothing else. Servers of before
 * 2026-07-28 may exit on what comes before `initialize`; the answer they owe is an error then, which tells a client
 * of both eras to go on with `initialize` (2026-07-28, stdio: Backward Compatibility).
 */
export const restartAfterProbe: Layer = (next) => ({
  ...next,
  connect: async (sink, signal) => {
    const conversation = restartable(sink)
    const first = await next.connect(conversation.sink, signal)
    return conversation.over(first, (again, stop) => next.connect(again, stop))
  },
})

interface Restartable {
  readonly sink: Sink
  /** A channel that is the first one, or the one that took its place. They have the same peer. */
  over(first: Channel, restart: Connector['connect']): Channel
}

function restartable(sink: Sink): Restartable {
  /** The probes that wait for an answer; nothing once anything else was said. */
  let probes: RequestId[] | undefined = []
  /** What is sent while the server starts again. */
  let held: Held[] | undefined
  let current!: Channel
  let restart!: Connector['connect']
  let restarting: Promise<void> | undefined
  const stop = new AbortController()

  async function again(asked: readonly RequestId[], reason: Error | undefined): Promise<void> {
    const waiting: Held[] = []
    held = waiting
    if (reason) sink.error(reason)
    try {
      current = await restart(sink, stop.signal)
    } catch (error) {
      if (!stop.signal.aborted) sink.end(toError(error))
      return
    }
    if (stop.signal.aborted) {
      await current.close()
      return
    }
    held = undefined
    for (const send of waiting) send(current)
    const why = reason ?? new TransportError('CLOSED', 'the server ended', undefined)
    for (const id of asked) sink.message(errorAnswer(id, why))
  }

  function end(reason?: Error): void {
    const asked = probes ?? []
    probes = undefined
    if (asked.length > 0) restarting = again(asked, reason)
    else sink.end(reason)
  }

  function watch(message: JsonRpcMessage): void {
    if (isRequest(message) && message.method === DISCOVER_METHOD) probes?.push(message.id)
    else probes = undefined
  }

  function send(message: JsonRpcMessage, options?: SendOptions): Promise<void> {
    if (probes) watch(message)
    if (!held) return current.send(message, options)
    const { promise, take } = later((channel) => channel.send(message, options))
    held.push(take)
    return promise
  }

  async function close(reason?: Error): Promise<void> {
    stop.abort(reason)
    if (held) await restarting
    else await current.close(reason)
  }

  const message: Sink['message'] = (received, context) => {
    probes = undefined
    sink.message(received, context)
  }

  return {
    sink: { ...sink, message, end },
    over: (first, how) => {
      current = first
      restart = how
      return { peer: first.peer, traffic: trafficOf(() => current), flow: flowOf(() => current), send, close }
    },
  }
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

function later(send: (channel: Channel) => Promise<void>): { promise: Promise<void>; take: Held } {
  let take!: Held
  const promise = new Promise<void>((resolve, reject) => {
    take = (channel) => {
      send(channel).then(resolve, reject)
    }
  })
  return { promise, take }
}
