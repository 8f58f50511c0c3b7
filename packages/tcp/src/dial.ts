import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { type Clock, isTransportError, TransportError } from '@mcpwire/core'
import { race } from './race.js'

/** Where to connect, and how. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly noDelay: boolean
  readonly keepAliveMs: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/**
 * Opens a connection: resolves the name, races its addresses, and lets `secure` put TLS on the winner, all within
 * `connectTimeoutMs`. Rejects with `CONNECT_FAILED` or `CONNECT_TIMEOUT`, or with `signal.reason`.
 */
export async function dial<S extends Socket>(
  target: Target,
  address: string,
  secure: (socket: Socket, signal: AbortSignal) => Promise<S>,
  signal: AbortSignal,
): Promise<S> {
  signal.throwIfAborted()
  const { clock, connectTimeoutMs: timeoutMs } = target
  const attempt = new AbortController()
  const abort = (): void => attempt.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const late = clock.deadline(timeoutMs, () => {
    const message = `${address} did not answer within connectTimeoutMs (${timeoutMs} ms)`
    attempt.abort(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
  })
  try {
    const socket = await connected(target, attempt.signal)
    return await secure(socket, attempt.signal)
  } catch (cause) {
    attempt.signal.throwIfAborted()
    if (isTransportError(cause)) throw cause
    const message = `cannot connect to ${address}: ${(cause as Error).message}`
    throw new TransportError('CONNECT_FAILED', message, { address }, { cause })
  } finally {
    late[Symbol.dispose]()
    signal.removeEventListener('abort', abort)
  }
}

async function connected(target: Target, signal: AbortSignal): Promise<Socket> {
  const addresses = await unlessAborted(addressesOf(target.host), signal)
  return await race(
    addresses,
    (host, lost) => connectOne({ ...target, host }, AbortSignal.any([signal, lost])),
    (late) => late.destroy(),
    target.clock,
  )
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** A name cannot be stopped from being looked up, but nobody has to wait for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function connectOne({ host, port, noDelay, keepAliveMs }: Target, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      noDelay,
      keepAlive: keepAliveMs !== Infinity,
      keepAliveInitialDelay: keepAliveMs === Infinity ? 0 : keepAliveMs,
    })
    const abort = (): void => {
      socket.destroy()
      reject(signal.reason)
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    // Never removed: between here and the channel's own listener an error would otherwise be uncaught.
    socket.once('error', (error) => {
      signal.removeEventListener('abort', abort)
      reject(error)
    })
    socket.on('error', () => {})
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      resolve(socket)
    })
  })
}
