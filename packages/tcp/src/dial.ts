import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { type Clock, isTransportError, TransportError } from '@mcpwire/core'
import { askForHeaders, connectHintOf, type Preamble, type TlsEnd } from '@mcpwire/core/node'
import { interleaved, race } from './race.js'
import { type SocketSettings, socketOptions } from './socket-options.js'
import { secured } from './tls-client.js'

/** Where to connect, and how. */
export interface Target extends SocketSettings {
  readonly host: string
  readonly port: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly preamble?: Preamble | undefined
  readonly secure?: { readonly end: TlsEnd; readonly serverName: string } | undefined
}

/** A socket that is connected, under TLS where asked for, and what to say on it first. */
export interface Line {
  readonly socket: Socket
  readonly headers: Readonly<Record<string, string>> | undefined
}

/**
 * Opens a connection: asks for the headers of the preamble, resolves the name, races its addresses and puts TLS on
 * the winner, all within `connectTimeoutMs`. Rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT` or `CALLBACK_FAILED`,
 * or with `signal.reason`, having released everything.
 */
export async function dial(target: Target, address: string, signal: AbortSignal): Promise<Line> {
  signal.throwIfAborted()
  const { clock, connectTimeoutMs: timeoutMs } = target
  const attempt = new AbortController()
  let silent = address
  const abort = (): void => attempt.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const late = clock.deadline(timeoutMs, () => {
    const message = `${silent} did not answer within connectTimeoutMs (${timeoutMs} ms)`
    attempt.abort(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
  })
  try {
    silent = 'preamble.headers()'
    const headers = target.preamble && (await askForHeaders(target.preamble, attempt.signal))
    silent = address
    const plain = await connected(target, attempt.signal)
    const socket = target.secure ? await secured(plain, { ...target.secure, address }, attempt.signal) : plain
    return { socket, headers }
  } catch (cause) {
    attempt.signal.throwIfAborted()
    if (isTransportError(cause)) throw cause
    const hint = connectHintOf(cause, 'options host, port')
    const message = `cannot connect to ${address}: ${(cause as Error).message}${hint}`
    throw new TransportError('CONNECT_FAILED', message, { address }, { cause })
  } finally {
    late[Symbol.dispose]()
    signal.removeEventListener('abort', abort)
  }
}

async function connected(target: Target, signal: AbortSignal): Promise<Socket> {
  const addresses = await unlessAborted(() => addressesOf(target.host), signal)
  return await race({
    candidates: interleaved(addresses),
    attempt: (host, lost) => connectOne(host, target, lost),
    discard: (late) => void late.destroy(),
    clock: target.clock,
    signal,
  })
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** A name cannot be stopped from being looked up, but nobody has to wait for it. */
function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

function connectOne(host: string, target: Target, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: target.port, allowHalfOpen: true, ...socketOptions(target) })
    // Stays for good: between here and the channel's own listener an error would otherwise be uncaught.
    socket.on('error', ignore)
    const abort = (): void => {
      settled()
      socket.destroy()
      reject(signal.reason)
    }
    const failed = (error: Error): void => {
      settled()
      reject(error)
    }
    const succeeded = (): void => {
      settled()
      resolve(socket)
    }
    /** The socket lives on, and would hold all this. */
    const settled = (): void => {
      signal.removeEventListener('abort', abort)
      socket.off('error', failed).off('connect', succeeded)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', failed).once('connect', succeeded)
  })
}

function ignore(): void {}
