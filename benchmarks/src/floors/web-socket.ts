import type { Socket } from 'node:net'
import type { JsonRpcMessage, TransportLike } from '@mcpwire/core'
import type { WebSocket } from 'ws'

const sent: Promise<void> = Promise.resolve()
const EARLY_FLUSH_CHARACTERS = 4096

/** The first version that comes to mind: a frame per message, written at once. No limits, no checks. */
export function naiveWebSocket(socket: WebSocket): TransportLike {
  const wire: TransportLike = {
    start: async () => listen(socket, wire),
    send: (message) => {
      socket.send(JSON.stringify(message))
      return sent
    },
    close: async () => socket.close(),
  }
  return wire
}

/** The same, with the socket below corked until the end of the turn, or until it holds about 4 KiB. */
export function bestWebSocket(socket: WebSocket, below: Socket): TransportLike {
  let corked = 0
  let isFlushDue = false
  const flush = (): void => {
    isFlushDue = false
    if (corked === 0) return
    corked = 0
    below.uncork()
  }
  const wire: TransportLike = {
    start: async () => listen(socket, wire),
    send: (message) => {
      const text = JSON.stringify(message)
      if (corked === 0) below.cork()
      socket.send(text)
      corked += text.length
      if (corked >= EARLY_FLUSH_CHARACTERS) flush()
      else if (!isFlushDue) {
        isFlushDue = true
        process.nextTick(flush)
      }
      return sent
    },
    close: async () => {
      flush()
      socket.close()
    },
  }
  return wire
}

function listen(socket: WebSocket, wire: TransportLike): void {
  socket.on('message', (data) => wire.onmessage?.(JSON.parse(String(data)) as JsonRpcMessage))
  socket.on('close', () => wire.onclose?.())
}
