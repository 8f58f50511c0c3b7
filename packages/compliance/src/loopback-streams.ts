import { Duplex } from 'node:stream'

/** One end of a stream of bytes within this process. */
export interface LoopbackEnd {
  readonly stream: Duplex
  /** Makes bytes arrive at this end as if the other had sent them. */
  readonly arrive: (bytes: Uint8Array) => void
  /** Makes this end take no more bytes from the other; the answer lets it go on. */
  readonly stall: () => () => void
}

interface Held {
  readonly bytes: Uint8Array
  readonly taken: () => void
}

/** Two streams in this process, connected to each other, with the backpressure and the half-close of a socket. */
export function loopbackStreams(): [LoopbackEnd, LoopbackEnd] {
  const a: LoopbackEnd = createEnd(() => b)
  const b: LoopbackEnd = createEnd(() => a)
  return [a, b]
}

interface WritableEnd extends LoopbackEnd {
  readonly offer: (held: Held) => void
  readonly finish: () => void
}

function createEnd(other: () => LoopbackEnd): WritableEnd {
  const held: Held[] = []
  let isStalled = false
  let isFull = false
  let isFinishing = false
  let isFinished = false

  function pump(): void {
    while (held.length > 0 && (stream.destroyed || (!isStalled && !isFull))) {
      const { bytes, taken } = held.shift() as Held
      if (!stream.destroyed && !isFinished) isFull = !stream.push(bytes)
      taken()
    }
    if (isStalled || !isFinishing || isFinished || held.length > 0 || stream.destroyed) return
    isFinished = true
    stream.push(null)
  }

  const peer = (): WritableEnd => other() as WritableEnd
  const stream = new Duplex({
    read: () => {
      isFull = false
      pump()
    },
    write: (bytes: Uint8Array, _encoding, taken) => peer().offer({ bytes, taken }),
    final: (done) => {
      peer().finish()
      done()
    },
    destroy: (error, done) => {
      peer().finish()
      for (const { taken } of held.splice(0)) taken()
      done(error)
    },
  })
  return {
    stream,
    offer: (next) => {
      held.push(next)
      pump()
    },
    finish: () => {
      isFinishing = true
      pump()
    },
    arrive: (bytes) => {
      held.push({ bytes, taken: () => {} })
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
