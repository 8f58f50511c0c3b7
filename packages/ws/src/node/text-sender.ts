import type { Socket } from 'node:net'
import { TransportError } from '@mcpwire/core'
import { sentImmediately } from '@mcpwire/core/authoring'
import type { WebSocket } from 'ws'
import { MAX_HEADER_BYTES, type Text, textFrames } from './text-frames.js'

/** Sends text frames. The frames of one turn of the event loop leave in one write. */
export interface TextSender {
  /** Resolves when the socket has taken the frame and its buffer has space. */
  send(text: string): Promise<void>
  /** Bytes that were sent and are not with the socket yet. */
  readonly bufferedBytes: number
  /** Passes all buffered frames to the socket. */
  flush(): void
  stop(): void
}

/** Options of a sender. */
export interface TextSenderOptions {
  /** Whether this end is the client, whose frames are masked. */
  readonly isClient: boolean
  readonly thresholdBytes: number
}

/**
 * Frames of this size leave before the end of the turn: the peer process reads while this one still serializes.
 * Measured on byte streams: from 8 KiB on the gain is lost (docs/performance.md).
 */
const EARLY_FLUSH_BYTES = 4096

/** The sends that wait for the socket to drain. */
interface Backlog {
  readonly promise: Promise<void>
  readonly ondrain: () => void
}

/** Creates the sender for the extensions of the handshake. */
export function createTextSender(ws: WebSocket, socket: Socket, options: TextSenderOptions): TextSender {
  if (ws.extensions.includes('permessage-deflate')) {
    return new CompressingSender(ws, socket, options.thresholdBytes)
  }
  return new PlainSender(ws, socket, options.isClient)
}

/**
 * Encodes the frames of a turn into one buffer. The library would pass two buffers to the socket for each message. Its
 * own frames, such as pongs, are complete writes to the same socket.
 */
class PlainSender implements TextSender {
  bufferedBytes = 0
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #isClient: boolean
  #texts: Text[] | undefined
  #isFlushScheduled = false
  #backlog: Backlog | undefined

  constructor(ws: WebSocket, socket: Socket, isClient: boolean) {
    this.#ws = ws
    this.#socket = socket
    this.#isClient = isClient
  }

  send(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text)
    this.#texts ??= []
    this.#texts.push({ text, bytes })
    this.bufferedBytes += bytes + MAX_HEADER_BYTES
    if (this.bufferedBytes >= EARLY_FLUSH_BYTES) this.flush()
    else if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true
      process.nextTick(endTurn, this)
    }
    return this.#backlog?.promise ?? sentImmediately
  }

  flush(): void {
    const texts = this.#texts
    if (!texts) return
    this.#texts = undefined
    this.bufferedBytes = 0
    const hasSpace = this.#socket.write(textFrames(texts, this.#isClient))
    if (!hasSpace) this.#backlog ??= this.#waitForDrain()
  }

  /** Flushes at the end of a turn. */
  endTurn(): void {
    this.#isFlushScheduled = false
    // After a close frame of the library no other frame may follow (RFC 6455, section 5.5.1).
    if (this.#ws.readyState === this.#ws.OPEN && this.#socket.writable) this.flush()
  }

  stop(): void {
    if (this.#backlog) this.#socket.off('drain', this.#backlog.ondrain)
  }

  #waitForDrain(): Backlog {
    let ondrain!: () => void
    const promise = new Promise<void>((resolve) => {
      ondrain = () => {
        this.#backlog = undefined
        resolve()
      }
    })
    this.#socket.once('drain', ondrain)
    return { promise, ondrain }
  }
}

function endTurn(sender: PlainSender): void {
  sender.endTurn()
}

/** Sends through the library, which compresses. Frames leave in order; those ready in one turn leave in one write. */
class CompressingSender implements TextSender {
  readonly bufferedBytes = 0
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #thresholdBytes: number
  #isCorked = false

  constructor(ws: WebSocket, socket: Socket, thresholdBytes: number) {
    this.#ws = ws
    this.#socket = socket
    this.#thresholdBytes = thresholdBytes
  }

  send(text: string): Promise<void> {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => this.flush())
    }
    const compress = Buffer.byteLength(text) >= this.#thresholdBytes
    return new Promise((resolve, reject) => {
      this.#ws.send(text, { compress }, (cause) => (cause ? reject(sendFailed(cause)) : resolve()))
    })
  }

  flush(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket.uncork()
  }

  stop(): void {}
}

function sendFailed(cause: Error): Error {
  const message = `a message may not have been sent: ${cause.message}`
  return new TransportError('SEND_FAILED', message, { delivery: 'unknown' }, { cause })
}
