import type { Socket } from 'node:net'
import { TransportError } from '@mcpwire/core'
import type { RawData, WebSocket } from 'ws'
import type { Deflate } from '../deflate.js'
import type { FrameListener, FrameSocket } from '../frame-socket.js'
import { gone } from '../ws-channel.js'
import { answerPings } from './pongs.js'
import { createTextSender } from './text-sender.js'

/** What frames are bounded by, for error texts, and which of them are compressed. */
export interface FrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
  readonly deflate: Deflate | undefined
  readonly isClient: boolean
}

/** A WebSocket of the `ws` library, on a socket that is ours to write to. */
export function wsFrames(ws: WebSocket, socket: Socket, options: FrameOptions): FrameSocket {
  const { isClient, deflate } = options
  const sender = createTextSender(ws, socket, { isClient, thresholdBytes: deflate?.thresholdBytes ?? 0 })
  let listener: FrameListener | undefined
  let failure: Error | undefined

  ws.on('error', (cause) => {
    failure ??= explained(cause, options)
    listener?.failed(failure)
  })
  answerPings(ws)
  // Nothing is read before somebody listens; `ws` would emit it into the void.
  ws.pause()
  return {
    subprotocol: ws.protocol,
    listen: (given) => {
      listener = given
      if (failure) given.failed(failure)
      ws.on('message', (data: RawData, isBinary: boolean) => {
        if (isBinary) given.binary()
        else given.text(data.toString())
      })
      ws.on('ping', given.alive).on('pong', given.alive)
      ws.on('close', (code, reason) => {
        sender.stop()
        given.closed(code, reason.toString())
      })
      ws.resume()
      if (ws.readyState === ws.CLOSED) given.closed(1006, '')
    },
    send: (text) => (ws.readyState === ws.OPEN ? sender.send(text) : Promise.reject(gone(options.address))),
    ping: () => {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    close: (code, reason) => {
      sender.flush()
      ws.close(code, reason)
      // A close frame that waits behind a paused stream would never be heard.
      ws.resume()
    },
    terminate: () => ws.terminate(),
    flow: { pause: () => ws.pause(), resume: () => ws.resume() },
    get queuedBytes() {
      return ws.bufferedAmount + sender.heldBytes
    },
    get bytesSent() {
      return socket.bytesWritten
    },
    get bytesReceived() {
      return socket.bytesRead
    },
  }
}

/** What the library's codes mean here (its documentation, "Error codes"). */
function explained(cause: Error, { address, maxMessageBytes }: FrameOptions): Error {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    const message = `${address} sent a message longer than maxMessageBytes (${maxMessageBytes}); raise it to accept more`
    // The library looks at the announced length alone, and does not tell it.
    const details = { bytes: maxMessageBytes + 1, maxMessageBytes }
    return new TransportError('MESSAGE_TOO_LARGE', message, details, { cause })
  }
  if (code.startsWith('WS_ERR_')) {
    const message = `${address} broke the WebSocket protocol: ${cause.message}`
    return new TransportError('MALFORMED_MESSAGE', message, { preview: '' }, { cause })
  }
  return new TransportError('PEER_LOST', `lost ${address}: ${cause.message}`, { address }, { cause })
}
