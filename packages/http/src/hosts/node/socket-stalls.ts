import type { Socket } from 'node:net'
import { type StallLimit, Stalls } from '../../server/request/stalls.js'

/** Cuts off connections of which nothing is taken, whatever is sent on them. */
export function socketStalls(limit: StallLimit): Stalls<Socket> {
  return new Stalls(limit, {
    isBehind: (socket) => socket.writableLength > 0 && !socket.destroyed,
    progress: (socket) => socket.bytesWritten - socket.writableLength,
    cutOff: (socket) => void socket.destroy(),
  })
}
