import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../index.js'
import { TransportError } from '../index.js'
import type { CoalescingWriter } from './coalescing-writer.js'
import type { Inbound } from './inbound.js'

/** The streams of a conversation, and what reads and writes them. */
export interface StreamParts {
  readonly readable: Readable
  readonly writable: Writable
  readonly inbound: Inbound
  readonly writer: CoalescingWriter
}

/** How a conversation over streams ends. */
export interface StreamLifeOptions {
  readonly address: string
  readonly clock: Clock
  readonly closeTimeoutMs: number
  /** Waited for once the peer has ended its side, before ours is ended. */
  readonly beforeEnd?: (() => Promise<void>) | undefined
  /** Says in words what an error of the streams means, where the medium knows better than they do. */
  readonly explain?: ((cause: Error) => string | undefined) | undefined
  /** Whether the readable is only paused in the end. */
  readonly keepsInput?: boolean | undefined
}

/** One conversation over streams, from its start to its end. */
export interface StreamLife {
  /** Why nothing can be sent any more, from when that is so. */
  readonly unsendable: Error | undefined
  /** Ends it from this side without a farewell: what was not sent yet is dropped. */
  readonly over: (reason?: Error) => void
  /** Ends it from this side: what was taken is sent, if that is done in time. Does not tell `end`. */
  readonly close: () => Promise<void>
}

/**
 * `open`: both ways. `answering`: the peer has ended its side, and what it still asked for is answered.
 * `finishing`: what was taken is on its way, and no more is taken. `over`: nothing.
 */
type Stage = 'open' | 'answering' | 'finishing' | 'over'

/** Listens to the streams for everything that ends a conversation, and calls `end` once. */
export function createStreamLife(
  parts: StreamParts,
  options: StreamLifeOptions,
  end: (reason?: Error) => void,
): StreamLife {
  const { readable, writable, inbound, writer } = parts
  const { address, clock, closeTimeoutMs, beforeEnd } = options
  const isOneStream = (writable as Writable | Readable) === readable
  let stage: Stage = 'open'
  let brokenBy: Error | undefined
  let patience: Disposable | undefined

  function over(reason?: Error): void {
    if (stage === 'over') return
    stage = 'over'
    release()
    end(reason)
  }

  /** An end that comes while we are ending is the one we wait for. */
  function lost(why: string, cause?: Error): void {
    const reason = new TransportError('PEER_LOST', why, { address }, { cause })
    over(stage === 'finishing' ? undefined : reason)
  }

  function release(): void {
    patience?.[Symbol.dispose]()
    inbound.stop()
    writer.stop()
    readable.off('data', inbound.push).off('end', onend).off('close', onclose)
    if (options.keepsInput) readable.pause()
    else readable.destroy()
    writable.destroy()
  }

  /** The peer is done: what it said last is heard, what waits for it is sent, and that is all. */
  function onend(): void {
    if (stage !== 'open') return
    inbound.end()
    if (stage !== 'open') return
    stage = 'answering'
    const answered = beforeEnd?.()
    if (answered) void answered.then(finish)
    else finish()
  }

  function finish(): void {
    if (stage !== 'answering') return
    if (brokenBy || writable.destroyed) {
      over()
      return
    }
    stage = 'finishing'
    writable.once('finish', () => over())
    patience = clock.deadline(closeTimeoutMs, () => over())
    writer.finish()
  }

  function onerror(cause: Error): void {
    lost(`lost ${address}: ${options.explain?.(cause) ?? cause.message}`, cause)
  }

  /** Nothing can be sent any more, but what the peer said before may still be on its way. */
  function onwriteerror(cause: Error): void {
    if (stage === 'answering' || stage === 'finishing') over()
    if (stage === 'over' || brokenBy) return
    brokenBy = cause
    writer.stop()
    patience = clock.deadline(closeTimeoutMs, () => onerror(cause))
  }

  function onclose(): void {
    // Of two streams, the one that was read to its end closes before the other is done.
    if (!isOneStream && (stage === 'answering' || stage === 'finishing')) return
    lost(`${address} closed the connection without ending it`)
  }

  // The error listeners stay for good: an emitter without one takes the process down.
  readable.on('end', onend).on('close', onclose).on('error', onerror)
  if (!isOneStream) writable.on('error', onwriteerror)
  if (readable.readableEnded) queueMicrotask(onend)
  else if (readable.destroyed) queueMicrotask(onclose)

  return {
    get unsendable() {
      if (brokenBy || stage === 'finishing' || stage === 'over') return gone(address, brokenBy)
      return undefined
    },
    over,
    close: async () => {
      stage = 'over'
      inbound.stop()
      await ended(parts, options)
      release()
    },
  }
}

/** Ends the output, and the input where it is ours to end; what does not close in time is destroyed. */
function ended({ readable, writable, writer }: StreamParts, options: StreamLifeOptions): Promise<void> {
  const { clock, closeTimeoutMs, keepsInput } = options
  const streams = new Set<Readable | Writable>(keepsInput ? [writable] : [readable, writable])
  return new Promise((resolve) => {
    const late = clock.deadline(closeTimeoutMs, () => {
      for (const stream of streams) stream.destroy()
    })
    for (const stream of [...streams]) {
      const closed = (): void => {
        streams.delete(stream)
        if (streams.size > 0) return
        late[Symbol.dispose]()
        resolve()
      }
      if (stream.closed) queueMicrotask(closed)
      else stream.once('close', closed)
    }
    writer.finish()
    if (!keepsInput) readable.resume()
  })
}

function gone(address: string, cause: Error | undefined): Error {
  const message = `${address} takes no more messages`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' }, { cause })
}
