import type { Duplex, Readable, Writable } from 'node:stream'
import type { Channel, Clock, CreateTransportOptions, JsonRpcMessage, Peer, Sink } from '../index.js'
import {
  createIntake,
  createLineDecoder,
  createTransportDefaults,
  previewOf,
  refusalIn,
  TransportError,
  toJson,
  tooLargeToSend,
} from '../index.js'
import { createCoalescingWriter } from './coalescing-writer.js'

/** Options of every transport over a stream of bytes. */
export interface ByteStreamOptions extends CreateTransportOptions {
  /**
   * Longest message sent or accepted, in bytes. One of ours that is longer rejects with `MESSAGE_TOO_LARGE`; one of
   * the peer's ends the conversation with it. Worst-case memory for what is not yet decoded is twice this much.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most that may wait to be sent, in bytes. Beyond it `send()` rejects with `OVERLOADED` and sends nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Whether `encodedOf(message)` yields the bytes a message came as. Costs a copy of each.
   * @defaultValue false
   */
  keepEncoded?: boolean | undefined
}

export const byteStreamDefaults: {
  readonly maxMessageBytes: 10_485_760
  readonly maxQueuedBytes: 16_777_216
  readonly keepEncoded: false
  readonly closeTimeoutMs: 2_000
  readonly clock: Clock
} = {
  maxMessageBytes: 10_485_760,
  maxQueuedBytes: 16_777_216,
  keepEncoded: false,
  ...createTransportDefaults,
}

/** A stream in each direction. A `Duplex`, such as a socket, is both. */
export interface ByteStreams {
  readonly readable: Readable
  readonly writable: Writable
}

/** What a channel over streams needs to know. */
export interface DuplexChannelOptions {
  readonly peer: Peer
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
  readonly keepEncoded?: boolean | undefined
  /** What a message over the limit does: ends the conversation (the default), or is reported and skipped. */
  readonly oversize?: 'end' | 'skip' | undefined
  /** Waited for once the peer has ended its side, before ours is ended: to answer what it still asked for. */
  readonly beforeEnd?: (() => Promise<void>) | undefined
  /**
   * Whether the readable is only paused in the end, not destroyed. For a standard input, whose number would go to
   * the next file that is opened.
   */
  readonly keepsInput?: boolean | undefined
  /** As for `createIntake`. */
  readonly maxMalformedInARow?: number | undefined
  /** As for `createIntake`. */
  readonly noise?: ((text: string) => void) | undefined
}

/**
 * A channel over a stream of bytes: one message a line, as the stdio transport of MCP frames them and as the
 * revision of 2026-07-28 asks of other byte streams. Takes both streams over and destroys them in the end.
 */
export function duplexChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: DuplexChannelOptions,
): Channel {
  const { readable, writable } = streamsOf(streams)
  const isOneStream = (writable as Writable | Readable) === readable
  const { peer, maxMessageBytes, clock, closeTimeoutMs } = options
  const { address } = peer
  const writer = createCoalescingWriter(writable, { address, maxQueuedBytes: options.maxQueuedBytes })
  let bytesReceived = 0
  let isHeard = false
  let isInputOver = false
  let isEnding = false
  let isOver = false
  let brokenBy: Error | undefined

  const intake = createIntake(
    {
      ...sink,
      message: (message, context) => (isHeard ? sink.message(message, context) : hearFirst(message)),
    },
    { address, abandon: over, maxMalformedInARow: options.maxMalformedInARow, noise: options.noise },
  )
  const decoder = createLineDecoder(
    {
      line: (text, encoded) => intake.text(text, encoded),
      invalid: (encoded) => intake.unreadable(encoded, 'not UTF-8'),
      oversize: (bytes, start) => {
        const message = `${address} sent a message longer than maxMessageBytes (${maxMessageBytes}); raise it to accept more`
        const error = new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
        if (options.oversize !== 'skip') over(error)
        else if (options.noise && !looksLikeJson(start))
          options.noise(previewOf(Buffer.from(start).toString()))
        else sink.error(error)
      },
    },
    { maxLineBytes: maxMessageBytes, keepEncoded: options.keepEncoded },
  )

  /** The first message may be the refusal of a listener that has no other way to say so. */
  function hearFirst(message: JsonRpcMessage): void {
    isHeard = true
    const refused = refusalIn(message, address)
    if (refused) over(refused)
    else sink.message(message)
  }

  function ondata(chunk: Buffer): void {
    bytesReceived += chunk.length
    decoder.push(chunk)
  }

  /** The peer is done: what it said last is heard, what waits for it is sent, and that is all. */
  function onend(): void {
    if (isOver || isInputOver) return
    decoder.end()
    if (isOver) return
    isInputOver = true
    const answered = options.beforeEnd?.()
    if (answered) void answered.then(endOutput)
    else endOutput()
  }

  function endOutput(): void {
    if (isOver) return
    isEnding = true
    writer.finish()
    const late = clock.deadline(closeTimeoutMs, () => over())
    writable.once('close', () => late[Symbol.dispose]())
    if (writable.writableFinished) over()
    else writable.once('finish', () => over())
  }

  function onerror(cause: Error): void {
    if (isEnding) over()
    else over(new TransportError('PEER_LOST', `lost ${address}: ${cause.message}`, { address }, { cause }))
  }

  /** Nothing can be sent any more, but what the peer said before may still be on its way. */
  function onwriteerror(cause: Error): void {
    if (isOver || brokenBy) return
    brokenBy = cause
    writer.stop()
    const late = clock.deadline(closeTimeoutMs, () => onerror(cause))
    readable.once('close', () => late[Symbol.dispose]())
  }

  function onclose(): void {
    // Of two streams, the one that was read to its end closes before the other is done.
    if (isInputOver && !isOneStream) return
    if (isEnding) over()
    else
      over(new TransportError('PEER_LOST', `${address} closed the connection without ending it`, { address }))
  }

  function over(reason?: Error): void {
    if (isOver) return
    isOver = true
    release()
    sink.end(reason)
  }

  function release(): void {
    decoder.stop()
    writer.stop()
    readable.off('data', ondata).off('end', onend).off('close', onclose)
    writable.off('close', onclose)
    if (options.keepsInput) readable.pause()
    else readable.destroy()
    writable.destroy()
  }

  // The error listeners stay for good: an emitter without one takes the process down.
  readable.on('data', ondata).on('end', onend).on('close', onclose).on('error', onerror)
  if (!isOneStream) writable.on('error', onwriteerror)
  // A socket accepted with `pauseOnConnect` does not flow by listening alone.
  readable.resume()
  if (readable.readableEnded) queueMicrotask(onend)

  return {
    peer,
    traffic: {
      get bytesSent() {
        return writer.bytesWritten
      },
      get bytesReceived() {
        return bytesReceived
      },
    },
    send: (message) => {
      const text = toJson(message)
      // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
      if (text.length * 3 > maxMessageBytes) requireSendable(text, maxMessageBytes)
      if (isEnding || isOver || brokenBy) return Promise.reject(gone(address, brokenBy))
      intake.sent(message)
      return writer.write(`${text}\n`)
    },
    close: () =>
      new Promise((resolve) => {
        isOver = true
        decoder.stop()
        const ending = options.keepsInput ? [writable] : [...new Set([readable, writable])]
        endOf(ending, clock, closeTimeoutMs, () => {
          release()
          resolve()
        })
        writer.finish()
        if (!options.keepsInput) readable.resume()
      }),
    flow: { pause: () => void readable.pause(), resume: () => void readable.resume() },
  }
}

function streamsOf(streams: Duplex | ByteStreams): ByteStreams {
  const { readable, writable } = streams
  if (typeof readable === 'object' && typeof writable === 'object') return { readable, writable }
  return { readable: streams as Duplex, writable: streams as Duplex }
}

/** Calls back once all streams are closed; destroys them when that takes longer than the timeout. */
function endOf(
  ending: readonly (Readable | Writable)[],
  clock: Clock,
  timeoutMs: number,
  done: () => void,
): void {
  const streams = new Set(ending)
  const late = clock.deadline(timeoutMs, () => {
    for (const stream of streams) stream.destroy()
  })
  for (const stream of ending) {
    const closed = (): void => {
      streams.delete(stream)
      if (streams.size > 0) return
      late[Symbol.dispose]()
      done()
    }
    if (stream.closed) queueMicrotask(closed)
    else stream.once('close', closed)
  }
}

function requireSendable(text: string, maxMessageBytes: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxMessageBytes) throw tooLargeToSend(bytes, maxMessageBytes)
}

function gone(address: string, cause: Error | undefined): Error {
  const message = `${address} takes no more messages`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' }, { cause })
}

function looksLikeJson(start: Uint8Array): boolean {
  return start[0] === 0x7b || start[0] === 0x5b
}
