import type { Socket } from 'node:net'
import type { Clock } from '@mcpwire/core'
import { turn, turns } from '../waiting.js'

/** What happens to one direction of a stream of bytes. */
export interface StreamFaults {
  /** How long each chunk is held back, in milliseconds. */
  readonly delayMs?: number
  /** How many bytes pass in a second. */
  readonly bytesPerSecond?: number
  /** Bytes are written so many at a time: 1 for the least a stream can do. */
  readonly chunkBytes?: number
  /** Once so many bytes have passed, both ends are reset. */
  readonly resetAfterBytes?: number
  /** Whether the end of the stream is kept from the reader, as by a router that lost its table. */
  readonly halfOpen?: boolean
}

/** Carries bytes from one socket to another. */
export interface Pump {
  /** Carries nothing until the answer is called. */
  hold(): () => void
  stop(): void
}

/** Starts to carry bytes, with faults. Reads no further than it can write. */
export function startPump(from: Socket, to: Socket, faults: StreamFaults, clock: Clock): Pump {
  let isStopped = false
  let passed = 0
  let opened = Promise.resolve()
  let open: (() => void) | undefined

  async function pass(chunk: Buffer): Promise<void> {
    const size = faults.chunkBytes ?? chunk.length
    for (let start = 0; start < chunk.length && !isStopped; start += size) {
      await opened
      const left = (faults.resetAfterBytes ?? Infinity) - passed
      const part = chunk.subarray(start, start + Math.min(size, left))
      await write(part)
      passed += part.length
      if (part.length === left) {
        isStopped = true
        // A reset that is read together with the last bytes looks like an end to libuv.
        await turns()
        breakOff(from)
        breakOff(to)
      }
    }
  }

  async function write(part: Buffer): Promise<void> {
    const { delayMs = 0, bytesPerSecond = Infinity } = faults
    const ms = delayMs + (part.length / bytesPerSecond) * 1_000
    if (ms > 0) await clock.sleep(ms)
    if (isStopped || to.destroyed || part.length === 0) return
    if (!to.write(part)) await drained(to)
    else if (faults.chunkBytes !== undefined) await turn()
  }

  async function run(): Promise<void> {
    try {
      if (to.connecting) await connected(to)
      // Without this option the iteration would destroy the socket at the end of what it reads, and with it the
      // other direction.
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        await pass(chunk as Buffer)
        if (isStopped) return
      }
      await opened
      if (!faults.halfOpen) to.end()
    } catch {
      // The socket's own error listener resets both.
    }
  }

  // Its own errors are told to `run` by the iteration.
  run().catch(() => {})
  return {
    hold: () => {
      opened = new Promise((resolve) => {
        open = resolve
      })
      return () => open?.()
    },
    stop: () => {
      isStopped = true
      open?.()
    },
  }
}

/** Resets the connection where the system can; sockets with a path only close. */
export function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  // The handle of a socket with a path has no port, and cannot be reset.
  if (socket.remotePort === undefined) {
    socket.destroy()
    return
  }
  // Node ends a socket in order before it resets it; the peer may then hear of the end only.
  socket.destroySoon = () => socket.destroy()
  socket.resetAndDestroy()
}

/** Resolves once the socket is connected, or never will be. */
function connected(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settled = (): void => {
      socket.off('connect', settled).off('close', settled)
      resolve()
    }
    socket.on('connect', settled).on('close', settled)
  })
}

/** Resolves once the socket wants more, or never will. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settled = (): void => {
      socket.off('drain', settled).off('close', settled)
      resolve()
    }
    socket.on('drain', settled).on('close', settled)
  })
}
