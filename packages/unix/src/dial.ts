import { connect, type Socket } from 'node:net'
import { type Clock, TransportError } from '@mcpwire/core'
import { askForHeaders, type Preamble } from '@mcpwire/core/node'
import { codeOf, connectMeaningOf } from './meanings.js'
import type { SocketPlace } from './path.js'

/** How long connecting may take, and what is said first. */
export interface DialOptions {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly preamble?: Preamble | undefined
}

/** An open connection, and what to say on it first. */
export interface Line {
  readonly socket: Socket
  readonly headers: Readonly<Record<string, string>> | undefined
}

/** How often a server whose queue of callers is full is asked again: the system does not tell when it has room. */
const ASK_AGAIN_MS = 20

/**
 * Asks for the headers of the preamble and opens a connection, both within `connectTimeoutMs`. Rejects with
 * `CONNECT_FAILED`, `CONNECT_TIMEOUT` or `CALLBACK_FAILED`, or with `signal.reason`.
 */
export async function dial(place: SocketPlace, options: DialOptions, signal: AbortSignal): Promise<Line> {
  signal.throwIfAborted()
  const { clock, connectTimeoutMs: timeoutMs, preamble } = options
  const { address } = place
  const attempt = new AbortController()
  let silent = 'preamble.headers()'
  const abort = (): void => attempt.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const late = clock.deadline(timeoutMs, () => {
    const message = `${silent} did not answer within connectTimeoutMs (${timeoutMs} ms)`
    attempt.abort(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
  })
  try {
    const headers = preamble && (await askForHeaders(preamble, attempt.signal))
    silent = address
    return { socket: await connected(place, clock, attempt.signal), headers }
  } finally {
    late[Symbol.dispose]()
    signal.removeEventListener('abort', abort)
  }
}

async function connected({ path, address }: SocketPlace, clock: Clock, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    const outcome = await connectOnce(path, signal)
    if (!(outcome instanceof Error)) return outcome
    if (codeOf(outcome) !== 'EAGAIN') {
      const message = `cannot connect to ${address}: ${connectMeaningOf(outcome)}`
      throw new TransportError('CONNECT_FAILED', message, { address }, { cause: outcome })
    }
    await clock.sleep(ASK_AGAIN_MS, signal)
  }
}

/** Resolves with the error where there is one. Rejects when aborted. */
function connectOnce(path: string, signal: AbortSignal): Promise<Socket | Error> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    // Half open, or Node would end our side, and what waits to be sent, as soon as the peer has ended its own.
    const socket = connect({ path, allowHalfOpen: true })
    const abort = (): void => {
      settled()
      socket.destroy()
      reject(signal.reason)
    }
    const failed = (error: Error): void => {
      settled()
      resolve(error)
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
    // Stays for good: between here and the channel's own listener an error would otherwise be uncaught.
    socket.on('error', ignore)
    socket.once('error', failed).once('connect', succeeded)
  })
}

function ignore(): void {}
