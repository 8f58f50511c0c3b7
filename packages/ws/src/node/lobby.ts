import type { Socket } from 'node:net'
import { type Clock, TransportError } from '@mcpwire/core'
import type { AcceptorSink } from '@mcpwire/core/authoring'

/** Sockets that are in their TLS handshake, or have not said what they want. */
export interface PendingSockets {
  /** Takes a socket in, or cuts it off where there is no room. */
  enter(socket: Socket, door: AcceptorSink): void
  /** The caller has said what it wants. */
  leave(socket: Socket): void
  clear(): void
}

/** What bounds a lobby. */
export interface LobbyOptions {
  readonly maxWaiting: number
  readonly timeoutMs: number
  readonly clock: Clock
}

interface Waiting {
  readonly socket: Socket
  readonly late: Disposable
  readonly onclose: () => void
}

/** Makes one. Whoever stays too long is hung up on: nothing it could be told is worth waiting for. */
export function createPendingSockets({ maxWaiting, timeoutMs, clock }: LobbyOptions): PendingSockets {
  /** By their caller: nothing else says which socket is below which. */
  const waiting = new Map<string, Waiting>()

  function leave(caller: string): void {
    const entry = waiting.get(caller)
    if (!entry) return
    entry.late[Symbol.dispose]()
    entry.socket.off('close', entry.onclose)
    waiting.delete(caller)
  }

  return {
    enter: (socket, door) => {
      if (waiting.size >= maxWaiting) {
        socket.destroy()
        const message = `a caller was cut off: ${maxWaiting} others wait to be admitted (maxConnections)`
        door.error(new TransportError('REFUSED', message, { status: 503 }))
        return
      }
      const caller = callerOf(socket)
      const late = clock.deadline(timeoutMs, () => socket.destroy())
      const onclose = (): void => {
        if (waiting.get(caller)?.socket === socket) leave(caller)
      }
      waiting.set(caller, { socket, late, onclose })
      socket.on('close', onclose)
    },
    leave: (socket) => leave(callerOf(socket)),
    clear: () => {
      for (const { socket } of [...waiting.values()]) socket.destroy()
    },
  }
}

function callerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
}
