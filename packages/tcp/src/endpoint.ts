import { isIPv6 } from 'node:net'

/** A URL for a TCP endpoint: `tcp://host:port`, or `tcps://` with TLS. */
export function tcpAddress(host: string, port: number, isSecure: boolean): string {
  // Each connection keeps one. `join` makes a flat string, where a template keeps its parts in memory.
  return [isSecure ? 'tcps' : 'tcp', '://', isIPv6(host) ? `[${host}]` : host, ':', port].join('')
}

/** The socket options of both ends. */
export interface SocketSettings {
  readonly noDelay: boolean
  readonly keepAliveMs: number
}

/** Linux ignores more than 32 767 s, and would then send no keep-alive probes at all. */
const LONGEST_KEEP_ALIVE_MS = 32_767_000

/** The same settings as options of `node:net`. */
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
