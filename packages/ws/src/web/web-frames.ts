import { systemClock } from '@mcpwire/core'
import { notWritable, tooLargeToAccept } from '@mcpwire/core/authoring'
import { codeFor, pageCode } from '../close-codes.js'
import type { FrameListener, FrameSocket } from '../frame-socket.js'

/** Address and limit of the peer. */
export interface WebFrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
}

/** Buffered bytes from which on `send()` waits. */
const HIGH_WATER_MARK = 65_536
/** Interval between checks of the buffer. No event reports that it drains. */
const CHECK_MS = 10

/** Frames over the `WebSocket` of the platform. It cannot ping, and cannot pause reading. */
export function webFrames(socket: WebSocket, { address, maxMessageBytes }: WebFrameOptions): FrameSocket {
  let bytesSent = 0
  let bytesReceived = 0
  let listener: FrameListener | undefined

  function closed(code: number, reason: string): void {
    const last = listener
    listener = undefined
    last?.closed(code, reason)
  }

  function text(data: string): void {
    // The number of characters, unless the limit is near: counting bytes takes an encoding.
    const bytes = data.length * 3 > maxMessageBytes ? new TextEncoder().encode(data).length : data.length
    bytesReceived += bytes
    if (bytes <= maxMessageBytes) {
      listener?.text(data)
      return
    }
    const error = tooLargeToAccept(bytes, maxMessageBytes, address)
    listener?.failed(error)
    socket.close(pageCode(codeFor(error)))
  }

  return {
    subprotocol: socket.protocol,
    listen: (given) => {
      listener = given
      socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        if (typeof data === 'string') text(data)
        else listener?.binary()
      })
      socket.addEventListener('close', ({ code, reason }) => closed(code, reason))
      if (socket.readyState === socket.CLOSED) closed(1006, '')
    },
    send: async (frame) => {
      if (socket.readyState !== socket.OPEN) throw notWritable(address)
      socket.send(frame)
      bytesSent += frame.length
      while (socket.bufferedAmount > HIGH_WATER_MARK && socket.readyState === socket.OPEN) {
        await systemClock.sleep(CHECK_MS)
      }
    },
    close: (code, reason) => socket.close(pageCode(code), reason),
    // The platform has no immediate close: the listener is detached, and the socket closes later.
    destroy: () => {
      socket.close()
      closed(1006, '')
    },
    get isOpen() {
      return socket.readyState === socket.OPEN
    },
    get queuedBytes() {
      return socket.bufferedAmount
    },
    get bytesSent() {
      return bytesSent
    },
    get bytesReceived() {
      return bytesReceived
    },
  }
}
