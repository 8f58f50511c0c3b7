import type { Socket } from 'node:net'
import { TransportError } from '@mcpwire/core'
import type { WebSocket } from 'ws'

/** Sends text frames, those of one turn of the event loop together. */
export interface CorkedSender {
  /** Resolves when the socket took the frame and wants more. */
  readonly send: (text: string) => Promise<void>
  /** Lets go of what is corked. */
  readonly flush: () => void
  readonly stop: () => void
}

/**
 * This much leaves before the turn is over, so that the other process starts reading while this one is still
 * serialising. Measured on byte streams: from 8 KiB on the gain is lost again (docs/performance.md).
 */
const EARLY_FLUSH_CHARACTERS = 4096

interface Batch {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/**
 * Corks the socket below a WebSocket for the rest of a turn. Frames of `thresholdBytes` and more are compressed where
 * the peers agreed to that: then frames leave in order, when they are ready, and settle one by one.
 */
export function createCorkedSender(ws: WebSocket, socket: Socket, thresholdBytes: number): CorkedSender {
  const mayCompress = ws.extensions.includes('permessage-deflate')
  let corkedCharacters = 0
  let isCorked = false
  let isTailDue = false
  let batch: Batch | undefined
  let waiting: Batch[] = []

  function flush(): void {
    if (!isCorked) return
    isCorked = false
    corkedCharacters = 0
    socket.uncork()
    const sent = batch
    batch = undefined
    if (!sent) return
    if (socket.writableNeedDrain) waiting.push(sent)
    else sent.resolve()
  }

  function tail(): void {
    isTailDue = false
    flush()
  }

  function drained(): void {
    const settled = waiting
    waiting = []
    for (const each of settled) each.resolve()
  }

  function cork(): void {
    if (isCorked) return
    isCorked = true
    socket.cork()
    if (isTailDue) return
    isTailDue = true
    process.nextTick(tail)
  }

  function flushEarly(characters: number): void {
    corkedCharacters += characters
    if (corkedCharacters >= EARLY_FLUSH_CHARACTERS) flush()
  }

  function sendPlain(text: string): Promise<void> {
    cork()
    batch ??= createBatch()
    const { promise } = batch
    ws.send(text)
    flushEarly(text.length)
    return promise
  }

  function sendCompressed(text: string): Promise<void> {
    cork()
    const compress = Buffer.byteLength(text) >= thresholdBytes
    const sent = new Promise<void>((resolve, reject) => {
      ws.send(text, { compress }, (cause) => (cause ? reject(lost(cause)) : resolve()))
    })
    flushEarly(text.length)
    return sent
  }

  socket.on('drain', drained)
  return {
    send: mayCompress ? sendCompressed : sendPlain,
    flush,
    stop: () => void socket.off('drain', drained),
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
