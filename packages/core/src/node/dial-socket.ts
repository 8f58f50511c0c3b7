import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { toError } from '../authoring.js'
import { type Clock, isTransportError, TransportError } from '../index.js'
import { ignore, onAbort } from '../timing/promises.js'
import type { Preamble } from './preamble.js'
import { resolvePreambleHeaders, sendPreamble } from './send-preamble.js'
import type { ErrorDescription } from './system-errors.js'

/** How a socket is opened. */
export interface DialOptions {
  /** The remote address, for errors. */
  readonly address: string
  readonly connectTimeoutMs: number
  readonly clock: Clock
  /** Headers to send first. */
  readonly preamble?: Preamble | undefined
  /** Opens the socket, mostly with `connectSocket`. Rejects with `signal.reason` once the signal aborts. */
  readonly open: (signal: AbortSignal) => Promise<Socket>
  /** Why `open` failed. */
  readonly describeError: (cause: Error) => ErrorDescription
}

/**
 * Opens a socket within `connectTimeoutMs`: resolves the headers of the preamble, opens, and sends the preamble.
 *
 * Rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, `CALLBACK_FAILED` (`preamble.headers`), a `TransportError` of
 * `open`, or `signal.reason`. Nothing is left open then.
 *
 * @example
 * ```ts
 * const socket = await dialSocket({
 *   ...{ address: 'tcp://127.0.0.1:7000', connectTimeoutMs: 10_000, clock: systemClock },
 *   open: (signal) => connectSocket({ port: 7000 }, signal),
 *   describeError: ({ message }) => ({ reason: message }),
 * }, signal)
 * ```
 */
export async function dialSocket(options: DialOptions, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const { address, clock, connectTimeoutMs: timeoutMs, preamble } = options
  const attempt = new AbortController()
  let step = preamble ? 'preamble.headers()' : 'the connection'
  const unsubscribe = onAbort(signal, () => attempt.abort(signal.reason))
  const timer = clock.deadline(timeoutMs, () => {
    const message = `cannot connect to ${address}: ${step} took longer than connectTimeoutMs (${timeoutMs} ms)`
    const details = { address, timeoutMs, option: 'connectTimeoutMs' }
    attempt.abort(new TransportError('CONNECT_TIMEOUT', message, details))
  })
  try {
    const headers = preamble && (await resolvePreambleHeaders(preamble, attempt.signal))
    step = 'the connection'
    const socket = await options.open(attempt.signal)
    if (headers) sendPreamble(socket, headers)
    return socket
  } catch (cause) {
    attempt.signal.throwIfAborted()
    if (isTransportError(cause)) throw cause
    const { reason, ...advice } = options.describeError(toError(cause))
    const message = `cannot connect to ${address}: ${reason}`
    throw new TransportError('CONNECT_FAILED', message, { address, ...advice }, { cause })
  } finally {
    timer[Symbol.dispose]()
    unsubscribe()
  }
}

/**
 * Connects one socket. Rejects with the error of the system, or destroys the socket and rejects with `signal.reason`.
 * The socket is half open: it can still send after its peer has ended. It keeps an error listener that does nothing.
 *
 * @example
 * ```ts
 * const socket = await connectSocket({ path: '/run/app/mcp.sock' }, signal)
 * ```
 */
export function connectSocket(options: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect({ ...options, allowHalfOpen: true })
    // Never removed: between here and the channel's own listener an error would otherwise be uncaught.
    socket.on('error', ignore)
    const onerror = (error: Error): void => {
      settle()
      reject(error)
    }
    const onconnect = (): void => {
      settle()
      resolve(socket)
    }
    /** Removed one by one: the socket would keep these closures in memory. */
    const settle = (): void => {
      unsubscribe()
      socket.off('error', onerror).off('connect', onconnect)
    }
    const unsubscribe = onAbort(signal, () => {
      settle()
      socket.destroy()
      reject(signal.reason)
    })
    socket.once('error', onerror).once('connect', onconnect)
  })
}
