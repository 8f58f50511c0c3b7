/** How both ends set up their sockets. */
export interface SocketSettings {
  readonly noDelay: boolean
  readonly keepAliveMs: number
}

/** More than a system takes (32 767 s on Linux) would be ignored, and with it the wish to ask at all. */
const LONGEST_KEEP_ALIVE_MS = 32_767_000

/** Those settings in the words of `node:net`. */
export function socketOptions({ noDelay, keepAliveMs }: SocketSettings): {
  noDelay: boolean
  keepAlive: boolean
  keepAliveInitialDelay: number
} {
  const keepAlive = keepAliveMs !== Infinity
  return {
    noDelay,
    keepAlive,
    keepAliveInitialDelay: keepAlive ? Math.min(keepAliveMs, LONGEST_KEEP_ALIVE_MS) : 0,
  }
}
