import type { Socket } from 'node:net'
import type { Clock } from '@mcpwire/core'
import type { AcceptorSink } from '@mcpwire/core/authoring'
import { remoteOf } from './upgrade.js'

/** The sockets that are in their TLS handshake or have not sent a complete request. */
export interface PendingSockets {
  /** Adds a socket. When there are too many, the oldest is destroyed. */
  add(socket: Socket, sink: AcceptorSink): void
  /** Removes a socket whose request is complete. */
  remove(socket: Socket): void
  destroyAll(): void
}

/** Limits of pending sockets. */
export interface PendingSocketsOptions {
  readonly maxConnections: number
  readonly timeoutMs: number
  readonly clock: Clock
}

interface Entry {
  readonly socket: Socket
  readonly timeout: Disposable
  readonly onclose: () => void
}

/** Tracks pending sockets. After `timeoutMs` a socket is destroyed without a response. */
export function createPendingSockets(options: PendingSocketsOptions): PendingSockets {
  const { maxConnections, timeoutMs, clock } = options
  /** By remote address: under TLS the socket of a request is not the socket of its connection. */
  const entries = new Map<string, Entry>()

  function remove(key: string): void {
    const entry = entries.get(key)
    if (!entry) return
    entry.timeout[Symbol.dispose]()
    entry.socket.off('close', entry.onclose)
    entries.delete(key)
  }

  /** A client that works is pending for a moment only, so that callers that send nothing do not block it. */
  function evictOldest(sink: AcceptorSink): void {
    const [oldest] = entries
    if (!oldest) return
    const [key, { socket }] = oldest
    remove(key)
    const { address } = remoteOf(socket)
    socket.destroy()
    const reason = `maxConnections (${maxConnections}) newer callers are pending`
    sink.refused({ address: `ws://${address}`, status: 503, reason, option: 'maxConnections' })
  }

  return {
    add: (socket, sink) => {
      if (entries.size >= maxConnections) evictOldest(sink)
      const key = remoteKey(socket)
      const timeout = clock.deadline(timeoutMs, () => socket.destroy())
      const onclose = (): void => {
        if (entries.get(key)?.socket === socket) remove(key)
      }
      entries.set(key, { socket, timeout, onclose })
      socket.on('close', onclose)
    },
    remove: (socket) => remove(remoteKey(socket)),
    destroyAll: () => {
      for (const { socket } of [...entries.values()]) socket.destroy()
    },
  }
}

function remoteKey({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
}
