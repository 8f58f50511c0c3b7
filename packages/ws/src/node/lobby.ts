import type { Socket } from 'node:net'
import { type Clock, type Door, TransportError } from '@mcpwire/core'

/** Sockets that are in their TLS handshake, or have not said what they want. */
export interface Lobby {
  /** Takes a socket in, or cuts it off where there is no room. */
  enter(socket: Socket, door: Door): void
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

/** Makes one. Whoever stays too long is hung up on: nothing it could be told is worth waiting for. */
export function createLobby({ maxWaiting, timeoutMs, clock }: LobbyOptions): Lobby {
  /** By their caller: nothing else says which socket is below which. */
  const waiting = new Map<string, { readonly socket: Socket; readonly late: Disposable }>()

  function leave(caller: string): void {
    waiting.get(caller)?.late[Symbol.dispose]()
    waiting.delete(caller)
  }

  return {
    enter: (socket, door) => {
      if (waiting.size >= maxWaiting) {
        socket.destroy()
        const message = `a caller was cut off: ${maxWaiting} others wait to be admitted (maxConnections)`
        door.report(new TransportError('REFUSED', message, { status: 503 }))
        return
      }
      const caller = callerOf(socket)
      waiting.set(caller, { socket, late: clock.deadline(timeoutMs, () => socket.destroy()) })
      socket.once('close', () => {
        if (waiting.get(caller)?.socket === socket) leave(caller)
      })
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
