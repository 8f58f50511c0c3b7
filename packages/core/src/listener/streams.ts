import { TransportError } from '../contract/errors.js'
import type { Listener } from '../contract/listener.js'
import type { JsonRpcMessage } from '../contract/message.js'
import { integer } from '../contract/option-rules.js'
import { type OptionDefaults, options } from '../contract/option-table.js'
import type { MessageContext, Transport } from '../contract/transport.js'

/** One message, with what travelled along. */
export interface ReceivedMessage {
  readonly message: JsonRpcMessage
  readonly context: MessageContext | undefined
}

/** How many messages may wait for the loop before the peer is asked to wait. */
const HIGH_WATER_MARK = 64

/** Options of `messages`. */
export interface MessagesOptions {
  /**
   * Most messages that may wait for the loop. Where the medium can ask the peer to wait, that happens long before;
   * where it cannot, one more closes the transport with `OVERLOADED`.
   * @defaultValue 10_000
   */
  maxQueuedMessages?: number | undefined
}

const table = options<MessagesOptions>({ maxQueuedMessages: integer(1, Infinity, 10_000) })

/** The defaults of `messages`. */
export const messagesDefaults: OptionDefaults<MessagesOptions> = table.defaults

/**
 * The messages of a transport, one after another. Takes the transport's slots when called, so call it before
 * `start()`, and do not share the transport with an MCP SDK. The peer is asked to wait while the loop is busy.
 *
 * The loop ends when the conversation has ended in order, and throws the reason when it has not. Leaving the loop
 * closes the transport.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function messages(
  transport: Transport,
  given: MessagesOptions = {},
): AsyncIterableIterator<ReceivedMessage> {
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
      const text = `more than maxQueuedMessages (${maxQueuedMessages}) wait for the loop`
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
 * The connections of a listener, one after another. Takes the listener's `onconnection` when called, so call it
 * before `start()`. Connections that wait for the loop count towards `maxConnections` and `startTimeoutMs`; those
 * that end meanwhile are left out.
 *
 * The loop ends when the listener has closed, and throws the reason when it failed. Leaving it closes the listener.
 */
export function connections(listener: Listener): AsyncIterableIterator<Transport> {
  const queue = createQueue<Transport>(() => {})
  listener.onconnection = (connection) => {
    // One that ends while it waits is of no more use to the loop.
    if (queue.push(connection) > 0) void connection.closed.then(() => queue.remove(connection))
  }
  void listener.closed.then((reason) => queue.end(reason))
  return queue.iterate(() => listener.close())
}

interface Queue<T> {
  /** Adds one; tells how many now wait. */
  push(item: T): number
  /** Takes one back that still waits. */
  remove(item: T): void
  end(reason: Error | undefined): void
  iterate(leave: () => Promise<void>): AsyncIterableIterator<T>
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
    iterate: (leave) => ({
      [Symbol.asyncIterator]() {
        return this
      },
      next,
      async return() {
        items.length = 0
        await leave()
        return { done: true, value: undefined }
      },
    }),
  }
}
