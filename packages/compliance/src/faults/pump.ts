import type { Socket } from 'node:net'
import type { Clock } from '@mcpwire/core'
import { turn, turns } from '../waiting.js'

/** Faults of one direction of a byte stream. */
export interface StreamFaults {
  /** The delay of each chunk, in milliseconds. */
  readonly delayMs?: number
  /** The number of bytes per second. */
  readonly bytesPerSecond?: number
  /** The number of bytes in each write. The minimum is 1. */
  readonly chunkBytes?: number
  /** The number of bytes after which both ends are reset. */
  readonly resetAfterBytes?: number
  /** The number of bytes after which no more pass, while the connection stays open. */
  readonly stopAfterBytes?: number
  /** Whether the end of the stream is dropped, as by a router that lost its table. */
  readonly halfOpen?: boolean
}

/** Copies bytes from one socket to another. */
export interface Pump {
  /** Pauses. The returned function resumes. */
  pause(): () => void
  stop(): void
}

/** Starts a pump with faults. Reads only as fast as it can write. */
export function startPump(from: Socket, to: Socket, faults: StreamFaults, clock: Clock): Pump {
  let isStopped = false
  let passed = 0
  let resumed = Promise.resolve()
  let resume: (() => void) | undefined

  async function pass(chunk: Buffer): Promise<void> {
    const size = faults.chunkBytes ?? chunk.length
    for (let start = 0; start < chunk.length && !isStopped; start += size) {
      await resumed
      const { resetAfterBytes = Infinity, stopAfterBytes = Infinity } = faults
      const left = Math.min(resetAfterBytes, stopAfterBytes) - passed
      const part = chunk.subarray(start, start + Math.min(size, left))
      await write(part)
      passed += part.length
      if (part.length === left) {
        isStopped = true
        if (passed === stopAfterBytes) return
        // libuv reports a reset that it reads together with the last bytes as an end.
        await turns()
        resetSocket(from)
        resetSocket(to)
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
      // Without this option the iteration would destroy the socket at the end of its input, and with it the other
      // direction.
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        await pass(chunk as Buffer)
        if (isStopped) return
      }
      await resumed
      if (!faults.halfOpen) to.end()
    } catch {
      // The error listener of the socket resets both sockets.
    }
  }

  // The iteration reports errors of the socket to `run`.
  run().catch(() => {})
  return {
    pause: () => {
      resumed = new Promise((resolve) => {
        resume = resolve
      })
      return () => resume?.()
    },
    stop: () => {
      isStopped = true
      resume?.()
    },
  }
}

/** Resets the connection. A socket with a path can only close. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  // A socket with a path has no port and cannot be reset.
  if (socket.remotePort === undefined) {
    socket.destroy()
    return
  }
  // Node ends a socket before it resets it. Then the peer may receive the end only.
  socket.destroySoon = () => socket.destroy()
  socket.resetAndDestroy()
}

/** Resolves once the socket is connected or closed. */
function connected(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settled = (): void => {
      socket.off('connect', settled).off('close', settled)
      resolve()
    }
    socket.on('connect', settled).on('close', settled)
  })
}

/** Resolves once the socket has drained or closed. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settled = (): void => {
      socket.off('drain', settled).off('close', settled)
      resolve()
    }
    socket.on('drain', settled).on('close', settled)
  })
}
