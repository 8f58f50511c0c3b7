import type { Socket } from 'node:net'
import { type Flow, type TlsFacts, TransportError } from '@mcpwire/core'
import type { RawData, WebSocket } from 'ws'
import type { Deflate } from '../deflate.js'
import type { FrameListener, FrameSocket } from '../frame-socket.js'
import { gone } from '../ws-channel.js'
import { answerPings } from './pongs.js'
import { createTextSender, type TextSender } from './text-sender.js'

/** What frames are bounded by, for error texts, and which of them are compressed. */
export interface FrameOptions {
  readonly address: string
  readonly maxMessageBytes: number
  readonly deflate: Deflate | undefined
  readonly isClient: boolean
  readonly tls?: TlsFacts
}

/** A WebSocket of the `ws` library, on a socket that is ours to write to. */
export function wsFrames(ws: WebSocket, socket: Socket, options: FrameOptions): FrameSocket {
  return new WsFrames(ws, socket, options)
}

// A class, since every object with accessors of its own has a shape of its own too: with many connections that costs
// as much memory as all the rest, and makes everything that touches them slow.
class WsFrames implements FrameSocket {
  readonly subprotocol: string
  readonly tls?: TlsFacts
  readonly flow: Flow
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #options: FrameOptions
  readonly #sender: TextSender
  #listener: FrameListener | undefined
  #failure: Error | undefined

  constructor(ws: WebSocket, socket: Socket, options: FrameOptions) {
    this.subprotocol = ws.protocol
    if (options.tls) this.tls = options.tls
    this.flow = { pause: () => ws.pause(), resume: () => ws.resume() }
    this.#ws = ws
    this.#socket = socket
    this.#options = options
    const { isClient, deflate } = options
    this.#sender = createTextSender(ws, socket, { isClient, thresholdBytes: deflate?.thresholdBytes ?? 0 })
    ws.on('error', (cause) => {
      this.#failure ??= explained(cause, options)
      this.#listener?.failed(this.#failure)
    })
    answerPings(ws)
    // Nothing is read before somebody listens; `ws` would emit it into the void.
    ws.pause()
  }

  listen(listener: FrameListener): void {
    const ws = this.#ws
    this.#listener = listener
    if (this.#failure) listener.failed(this.#failure)
    ws.on('message', (data: RawData, isBinary: boolean) => {
      if (isBinary) listener.binary()
      else listener.text(data.toString())
    })
    ws.on('ping', listener.alive).on('pong', listener.alive)
    ws.on('close', (code, reason) => {
      this.#sender.stop()
      listener.closed(code, reason.toString())
    })
    ws.resume()
    if (ws.readyState === ws.CLOSED) listener.closed(1006, '')
  }

  send(text: string): Promise<void> {
    if (this.#ws.readyState === this.#ws.OPEN) return this.#sender.send(text)
    return Promise.reject(gone(this.#options.address))
  }

  ping(): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping()
  }

  close(code: number, reason: string): void {
    this.#sender.flush()
    this.#ws.close(code, reason)
    // A close frame that waits behind a paused stream would never be heard.
    this.#ws.resume()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  get queuedBytes(): number {
    return this.#ws.bufferedAmount + this.#sender.heldBytes
  }

  get bytesSent(): number {
    return this.#socket.bytesWritten
  }

  get bytesReceived(): number {
    return this.#socket.bytesRead
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
