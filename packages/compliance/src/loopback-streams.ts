import { Duplex } from 'node:stream'

/** One end of a stream of bytes within this process. */
export interface LoopbackEnd {
  readonly stream: Duplex
  /** Delivers bytes to this end as if the other end had sent them. */
  readonly inject: (bytes: Uint8Array) => void
  /** Stops this end from accepting bytes. The returned function resumes it. */
  readonly stall: () => () => void
}

interface Chunk {
  readonly bytes: Uint8Array
  readonly accepted: () => void
}

/**
 * Creates two connected streams within this process, with the backpressure and the half-close of sockets.
 *
 * @example
 * ```ts
 * const [near, far] = loopbackStreams()
 * ```
 */
export function loopbackStreams(): [LoopbackEnd, LoopbackEnd] {
  const a: LoopbackEnd = createEnd(() => b)
  const b: LoopbackEnd = createEnd(() => a)
  return [a, b]
}

interface WritableEnd extends LoopbackEnd {
  readonly offer: (chunk: Chunk) => void
  readonly finish: () => void
}

function createEnd(other: () => LoopbackEnd): WritableEnd {
  const queue: Chunk[] = []
  let isStalled = false
  let isFull = false
  let isFinishing = false
  let isFinished = false

  function pump(): void {
    while (queue.length > 0 && (stream.destroyed || (!isStalled && !isFull))) {
      const { bytes, accepted } = queue.shift() as Chunk
      if (!stream.destroyed && !isFinished) isFull = !stream.push(bytes)
      accepted()
    }
    if (isStalled || !isFinishing || isFinished || queue.length > 0 || stream.destroyed) return
    isFinished = true
    stream.push(null)
  }

  const peer = (): WritableEnd => other() as WritableEnd
  const stream = new Duplex({
    read: () => {
      isFull = false
      pump()
    },
    write: (bytes: Uint8Array, _encoding, accepted) => peer().offer({ bytes, accepted }),
    final: (done) => {
      peer().finish()
      done()
    },
    destroy: (error, done) => {
      peer().finish()
      for (const { accepted } of queue.splice(0)) accepted()
      done(error)
    },
  })
  return {
    stream,
    offer: (next) => {
      queue.push(next)
      pump()
    },
    finish: () => {
      isFinishing = true
      pump()
    },
    inject: (bytes) => {
      queue.push({ bytes, accepted: () => {} })
      pump()
    },
    stall: () => {
      isStalled = true
      return () => {
        isStalled = false
        pump()
      }
    },
  }
}
