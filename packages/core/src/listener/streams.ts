import { TransportError } from '../contract/errors.js'
import type { Listener } from '../contract/listener.js'
import type { JsonRpcMessage } from '../contract/message.js'
import { integer, objectWith, requireTransport } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, options } from '../contract/option-table.js'
import type { MessageContext, Transport } from '../contract/transport.js'

/** One message with its context. */
export interface ReceivedMessage {
  readonly message: JsonRpcMessage
  readonly context: MessageContext | undefined
}

/** The number of queued messages at which the transport is paused. */
const HIGH_WATER_MARK = 64

/** Options of `messages`. */
export interface MessagesOptions {
  /**
   * Most messages that may wait for the loop. One more closes the transport with `OVERLOADED`. Where the medium has
   * backpressure, the peer is paused long before.
   * @defaultValue 10_000
   */
  maxQueuedMessages?: number | undefined
}

const table = options<MessagesOptions>({ maxQueuedMessages: integer(1, Infinity, 10_000) })

/** The defaults of `messages`. */
export const messagesDefaults: OptionDefaults<MessagesOptions> = /* @__PURE__ */ defaultsOf(table)

/**
 * Iterates over the messages of a transport. It sets `onmessage`: call it before `start()`, and do not connect an MCP SDK
 * to the same transport. The peer is paused while the loop is busy, where the medium has backpressure.
 *
 * The loop ends after an orderly end, and throws the reason of any other end. A `break` closes the transport.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const received = messages(transport)
 * await transport.start()
 * for await (const { message } of received) console.log(message)
 * ```
 */
export function messages(
  transport: Transport,
  given: MessagesOptions = {},
): AsyncIterableIterator<ReceivedMessage> {
  requireTransport('transport', transport)
  const { maxQueuedMessages } = table.read(given)
  let isPaused = false
  const queue = createQueue<ReceivedMessage>((left) => {
    if (!isPaused || left > HIGH_WATER_MARK / 2) return
    isPaused = false
    transport.flow?.resume()
  })
  transport.onmessage = (message, context) => {
    const waiting = queue.push({ message, context })
    if (waiting > maxQueuedMessages) {
      const text = `message queue is full: more than maxQueuedMessages (${maxQueuedMessages}) wait for the loop`
      const details = { queuedBytes: waiting, maxQueuedBytes: maxQueuedMessages }
      void transport.close({ reason: new TransportError('OVERLOADED', text, details) })
    } else if (waiting >= HIGH_WATER_MARK && !isPaused && transport.flow) {
      isPaused = true
      transport.flow.pause()
    }
  }
  void transport.closed.then((reason) => queue.end(reason))
  return queue.iterate(() => transport.close())
}

/**
 * Iterates over the connections of a listener. It sets `onconnection`: call it before `start()`. Waiting connections count
 * for `maxConnections` and `startTimeoutMs`. A connection that ends while it waits is skipped.
 *
 * The loop ends when the listener has closed, and throws the reason when it failed. A `break` closes the listener.
 *
 * @example
 * ```ts
 * const accepted = connections(listener)
 * await listener.start()
 * for await (const connection of accepted) await newServer().connect(connection)
 * ```
 */
export function connections(listener: Listener): AsyncIterableIterator<Transport> {
  objectWith<Listener>(['start', 'close'], 'a listener').check('listener', listener)
  const queue = createQueue<Transport>(() => {})
  listener.onconnection = (connection) => {
    if (queue.push(connection) > 0) void connection.closed.then(() => queue.remove(connection))
  }
  void listener.closed.then((reason) => queue.end(reason))
  return queue.iterate(() => listener.close())
}

interface Queue<T> {
  /** Adds an item. Returns the number of waiting items. */
  push(item: T): number
  /** Removes an item that still waits. */
  remove(item: T): void
  end(reason: Error | undefined): void
  iterate(close: () => Promise<void>): AsyncIterableIterator<T>
}

function createQueue<T>(taken: (left: number) => void): Queue<T> {
  const items: T[] = []
  const readers: { resolve: (result: IteratorResult<T>) => void; reject: (error: Error) => void }[] = []
  let ended: { reason: Error | undefined } | undefined

  function finish(): Promise<IteratorResult<T>> {
    const reason = ended?.reason
    ended = { reason: undefined }
    return reason ? Promise.reject(reason) : Promise.resolve({ done: true, value: undefined })
  }

  function next(): Promise<IteratorResult<T>> {
    if (items.length > 0) {
      const value = items.shift() as T
      taken(items.length)
      return Promise.resolve({ done: false, value })
    }
    if (ended) return finish()
    return new Promise((resolve, reject) => readers.push({ resolve, reject }))
  }

  return {
    push(item) {
      const reader = readers.shift()
      if (reader) reader.resolve({ done: false, value: item })
      else items.push(item)
      return items.length
    },
    remove(item) {
      const at = items.indexOf(item)
      if (at !== -1) items.splice(at, 1)
    },
    end(reason) {
      ended = { reason }
      for (const reader of readers.splice(0)) finish().then(reader.resolve, reader.reject)
    },
    iterate: (close) => ({
      [Symbol.asyncIterator]() {
        return this
      },
      next,
      async return() {
        items.length = 0
        await close()
        return { done: true, value: undefined }
      },
    }),
  }
}
