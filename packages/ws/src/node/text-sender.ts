import type { Socket } from 'node:net'
import { TransportError } from '@mcpwire/core'
import { sentImmediately } from '@mcpwire/core/authoring'
import type { WebSocket } from 'ws'
import { MAX_HEADER_BYTES, type Text, textFrames } from './text-frames.js'

/** Sends text frames, those of one turn of the event loop together. */
export interface TextSender {
  /** Resolves when the socket took the frame and wants more. */
  send(text: string): Promise<void>
  /** What was taken and is not with the socket yet, in bytes. */
  readonly heldBytes: number
  /** Lets go of what is held. */
  flush(): void
  stop(): void
}

/** How frames are sent. */
export interface TextSenderOptions {
  /** Whether this end is the client, whose frames are masked. */
  readonly isClient: boolean
  readonly thresholdBytes: number
}

/**
 * This much leaves before the turn is over, so that the other process starts reading while this one is still
 * serialising. Measured on byte streams: from 8 KiB on the gain is lost again (docs/performance.md).
 */
const EARLY_FLUSH_BYTES = 4096

/** What waits for the socket to want more. */
interface Backlog {
  readonly promise: Promise<void>
  readonly ondrain: () => void
}

/** Makes one. Which it is depends on what the peers agreed on. */
export function createTextSender(ws: WebSocket, socket: Socket, options: TextSenderOptions): TextSender {
  if (ws.extensions.includes('permessage-deflate')) {
    return new CompressingSender(ws, socket, options.thresholdBytes)
  }
  return new PlainSender(ws, socket, options.isClient)
}

/**
 * Makes the frames itself, those of a turn in one buffer: the library would hand two buffers to the socket for each
 * message. What the library sends meanwhile, such as pongs, it writes whole to the same socket.
 */
class PlainSender implements TextSender {
  heldBytes = 0
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #isClient: boolean
  #texts: Text[] | undefined
  #isTailDue = false
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
    this.heldBytes += bytes + MAX_HEADER_BYTES
    if (this.heldBytes >= EARLY_FLUSH_BYTES) this.flush()
    else if (!this.#isTailDue) {
      this.#isTailDue = true
      process.nextTick(tail, this)
    }
    return this.#backlog?.promise ?? sentImmediately
  }

  flush(): void {
    const texts = this.#texts
    if (!texts) return
    this.#texts = undefined
    this.heldBytes = 0
    const wantsMore = this.#socket.write(textFrames(texts, this.#isClient))
    if (!wantsMore) this.#backlog ??= this.#untilDrained()
  }

  /** The turn is over. */
  endTurn(): void {
    this.#isTailDue = false
    // The library may have answered a close frame by now, and nothing may follow that (RFC 6455, section 5.5.1).
    if (this.#ws.readyState === this.#ws.OPEN && this.#socket.writable) this.flush()
  }

  stop(): void {
    if (this.#backlog) this.#socket.off('drain', this.#backlog.ondrain)
  }

  #untilDrained(): Backlog {
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

function tail(sender: PlainSender): void {
  sender.endTurn()
}

/** Frames leave in order, each when it is ready, and settle one by one; those that are ready at once leave together. */
class CompressingSender implements TextSender {
  readonly heldBytes = 0
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
      this.#ws.send(text, { compress }, (cause) => (cause ? reject(lost(cause)) : resolve()))
    })
  }

  flush(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket.uncork()
  }

  stop(): void {}
}

function lost(cause: Error): Error {
  const message = `a message may not have left: ${cause.message}`
  return new TransportError('SEND_FAILED', message, { delivery: 'unknown' }, { cause })
}
