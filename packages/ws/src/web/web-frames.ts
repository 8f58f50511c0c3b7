import { systemClock } from '@mcpwire/core'
import { notWritable, tooLargeToAccept } from '@mcpwire/core/authoring'
import { codeFor, pageCode } from '../close-codes.js'
import type { FrameListener, FrameSocket } from '../frame-socket.js'

/** What frames are bounded by, and whom they are from. */
export interface WebFrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
}

/** How much may be buffered before sends wait. */
const HIGH_WATER_MARK = 65_536
/** How often to look whether it has left: no event tells of it. */
const LOOK_AGAIN_MS = 10

/** The platform's own WebSocket. It cannot ping, and reads whether or not anybody keeps up. */
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
    // Counted by characters unless that might be too many: bytes take an encoding.
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
        await systemClock.sleep(LOOK_AGAIN_MS)
      }
    },
    close: (code, reason) => socket.close(pageCode(code), reason),
    // The platform closes in its own time, and has no other way.
    terminate: () => {
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
