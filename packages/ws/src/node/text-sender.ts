import type { Socket } from 'node:net'
import { TransportError } from '@mcpwire/core'
import type { WebSocket } from 'ws'
import { MAX_HEADER_BYTES, type Text, textFrames } from './text-frames.js'

/** Sends text frames, those of one turn of the event loop together. */
export interface TextSender {
  /** Resolves when the socket took the frame and wants more. */
  readonly send: (text: string) => Promise<void>
  /** What was taken and is not with the socket yet, in bytes. */
  readonly heldBytes: number
  /** Lets go of what is held. */
  readonly flush: () => void
  readonly stop: () => void
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

interface Batch {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** Makes one. Which it is depends on what the peers agreed on. */
export function createTextSender(ws: WebSocket, socket: Socket, options: TextSenderOptions): TextSender {
  if (ws.extensions.includes('permessage-deflate')) return compressingSender(ws, socket, options)
  return plainSender(socket, options)
}

/**
 * Makes the frames itself, those of a turn in one buffer: the library would hand two buffers to the socket for each
 * message. What the library sends meanwhile, such as pongs, it writes whole to the same socket.
 */
function plainSender(socket: Socket, { isClient }: TextSenderOptions): TextSender {
  let texts: Text[] = []
  let heldBytes = 0
  let isTailDue = false
  let batch: Batch | undefined
  let waiting: Batch[] = []

  function flush(): void {
    if (texts.length === 0) return
    const frames = textFrames(texts, isClient)
    const sent = batch
    texts = []
    heldBytes = 0
    batch = undefined
    const wantsMore = socket.write(frames)
    if (!sent) return
    if (wantsMore) sent.resolve()
    else waiting.push(sent)
  }

  function tail(): void {
    isTailDue = false
    if (socket.writable) flush()
  }

  function drained(): void {
    const settled = waiting
    waiting = []
    for (const each of settled) each.resolve()
  }

  socket.on('drain', drained)
  return {
    send: (text) => {
      const bytes = Buffer.byteLength(text)
      texts.push({ text, bytes })
      heldBytes += bytes + MAX_HEADER_BYTES
      batch ??= createBatch()
      const { promise } = batch
      if (heldBytes >= EARLY_FLUSH_BYTES) flush()
      else if (!isTailDue) {
        isTailDue = true
        process.nextTick(tail)
      }
      return promise
    },
    get heldBytes() {
      return heldBytes
    },
    flush,
    stop: () => void socket.off('drain', drained),
  }
}

/** Frames leave in order, each when it is ready, and settle one by one; those that are ready at once leave together. */
function compressingSender(ws: WebSocket, socket: Socket, { thresholdBytes }: TextSenderOptions): TextSender {
  let isCorked = false

  function flush(): void {
    if (!isCorked) return
    isCorked = false
    socket.uncork()
  }

  return {
    send: (text) => {
      if (!isCorked) {
        isCorked = true
        socket.cork()
        process.nextTick(flush)
      }
      const compress = Buffer.byteLength(text) >= thresholdBytes
      return new Promise((resolve, reject) => {
        ws.send(text, { compress }, (cause) => (cause ? reject(lost(cause)) : resolve()))
      })
    },
    heldBytes: 0,
    flush,
    stop: () => {},
  }
}

function lost(cause: Error): Error {
  const message = `a message may not have left: ${cause.message}`
  return new TransportError('SEND_FAILED', message, { delivery: 'unknown' }, { cause })
}

function createBatch(): Batch {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
