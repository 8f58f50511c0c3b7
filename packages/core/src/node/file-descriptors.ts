import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import type { AcceptorSink } from '../authoring.js'
import { Burst, toRefusalMessage } from '../authoring.js'
import { type Clock, type Refusal, TransportError } from '../index.js'
import { ignore } from '../timing/promises.js'

// The system closes callers without a report once no descriptor is free. So a listener refuses them before:
//
//   0 … served … | reserve: refused with a response … | last half of the reserve: destroyed … | limit
//
// The number of a new descriptor is the lowest free one: all below it are in use.

/** The part of the limit that is kept for files, child processes and refusals, and its bounds. */
const RESERVED_PART = 0.05
const MIN_RESERVED = 16
const MAX_RESERVED = 256
/** The time in which a refused caller may read its response. */
const REFUSAL_MS = 500

/**
 * Reads the number of file descriptors that this process may open. `undefined` where it is unknown, such as on Windows,
 * or unlimited.
 *
 * @param platform the platform, as `process.platform`
 * @param read returns the text of `/proc/self/limits` on Linux, and the output of `ulimit -n` on macOS
 */
export function descriptorLimit(
  platform: string = process.platform,
  read: (platform: string) => string = readLimit,
): number | undefined {
  if (platform !== 'linux' && platform !== 'darwin') return undefined
  try {
    const text = read(platform)
    const limit = platform === 'linux' ? /^Max open files +(\d+)/m.exec(text)?.[1] : /^\d+/.exec(text)?.[0]
    return Number(limit) > 0 ? Number(limit) : undefined
  } catch {
    return undefined
  }
}

function readLimit(platform: string): string {
  return platform === 'linux'
    ? readFileSync('/proc/self/limits', 'latin1')
    : execFileSync('/bin/sh', ['-c', 'ulimit -n'], {
        encoding: 'latin1',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
}

const refusal: Refusal = {
  admit: false,
  status: 503,
  reason: 'the server has reached its limit of connections',
}

/** The refusal of a server of byte streams whose file descriptors are nearly used up. */
export const LINE_REFUSAL: string = `${JSON.stringify(toRefusalMessage(refusal))}\n`

/** The refusal of an HTTP server whose file descriptors are nearly used up. */
export const HTTP_REFUSAL: string = [
  'HTTP/1.1 503 Service Unavailable',
  'content-type: application/json',
  `content-length: ${LINE_REFUSAL.length}`,
  'retry-after: 1',
  'connection: close',
  '',
  LINE_REFUSAL,
].join('\r\n')

/** How a server refuses callers while file descriptors are nearly used up. */
export interface DescriptorGuard {
  readonly sink: Pick<AcceptorSink, 'error' | 'refused'>
  /** The address of the server, for errors. */
  readonly address: string
  /** The response to a refused caller. Without one, as before a TLS handshake, its socket is destroyed. */
  readonly refusal: string | undefined
  readonly clock: Clock
}

/**
 * Makes a server refuse sockets while the descriptors of this process are nearly used up. Its listeners of `connection`
 * do not get these sockets. Call it after they were added.
 */
export function guardDescriptors(
  server: Server,
  { sink, address, refusal, clock }: DescriptorGuard,
  limit: number | undefined,
): void {
  if (limit === undefined) return
  const reserved = Math.min(Math.max(Math.ceil(limit * RESERVED_PART), MIN_RESERVED), MAX_RESERVED, limit / 4)
  let highest = 0
  const reasonFor = (descriptor: number): string =>
    `file descriptors are nearly used up (${descriptor + 1} of ${limit})`
  const burst = new Burst(clock, (count) => {
    const callers = count === 1 ? '1 caller' : `${count} callers`
    const message = `${address} refused ${callers}: ${reasonFor(highest)}`
    const hint = 'raise the limit of open files (ulimit -n), or lower option "maxConnections"'
    sink.error(new TransportError('LISTEN_FAILED', message, { address, hint }))
    highest = 0
  })
  server.once('close', () => burst.stop())
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const descriptor = descriptorOf(socket)
    if (descriptor < limit - reserved) {
      for (const listener of listeners) listener.call(server, socket)
      return
    }
    const remote = socket.remoteAddress ?? address
    const isLast = descriptor >= limit - reserved / 2
    socket.on('error', ignore)
    if (refusal === undefined || isLast) socket.destroy()
    else respond(socket, refusal, clock)
    highest = Math.max(highest, descriptor)
    sink.refused({ address: remote, status: 503, reason: reasonFor(descriptor) })
    burst.add()
  })
}

/** Sends a last text. Closing a socket with unread bytes may discard it, so the input is drained for a short time. */
function respond(socket: Socket, text: string, clock: Clock): void {
  const timer = clock.deadline(REFUSAL_MS, () => socket.destroy())
  socket.once('close', () => timer[Symbol.dispose]())
  socket.once('end', () => socket.destroySoon())
  socket.resume()
  socket.end(text)
}

/** The descriptor of a socket. There is no public access to it; without it nothing is refused. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: unknown } | null }
  return typeof handle?.fd === 'number' ? handle.fd : -1
}
