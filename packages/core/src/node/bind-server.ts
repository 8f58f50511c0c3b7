import type { Server } from 'node:net'
import type { AcceptorSink } from '../authoring.js'
import { toError } from '../authoring.js'
import { type Clock, isTransportError, systemClock, TransportError } from '../index.js'
import { ignore, onAbort } from '../timing/promises.js'
import { descriptorLimit, guardDescriptors } from './file-descriptors.js'
import { describeListenError, type ErrorDescription } from './system-errors.js'

/** How a server is bound. */
export interface ServerBinding {
  /** The address for errors, before it is bound. */
  readonly requestedAddress: string
  /** Runs before `listen`; its errors reject `bindServer`. */
  readonly prepare?: (() => Promise<void>) | undefined
  /** Starts the server listening. */
  readonly listen: (server: Server) => void
  /** Stops it from listening; `server.close()` unless given. */
  readonly unlisten?: ((server: Server) => void) | undefined
  /**
   * The last text for a caller that is refused because file descriptors are nearly used up. Without it, as before a TLS
   * handshake, its socket is destroyed.
   */
  readonly refusal?: string | undefined
  /** The source of time; `systemClock` unless given. */
  readonly clock?: Clock | undefined
  /** Why `prepare` or `listen` failed; advice about the options `host` and `port` unless given. */
  readonly describeError?: ((cause: Error) => ErrorDescription) | undefined
}

/**
 * Binds a server. Errors of the bound server go to `sink.error`, and the server continues to listen. While the file
 * descriptors of this process are nearly used up, callers are refused, and reported to `sink.refused` and `sink.error`.
 * Add the listeners of `connection` before.
 * Rejects with `LISTEN_FAILED`, or with `signal.reason` if the signal aborts first.
 *
 * @example
 * ```ts
 * const listen = (server: Server) => void server.listen({ port: 7000 })
 * await bindServer(server, { requestedAddress: 'tcp://127.0.0.1:7000', listen }, { sink, signal })
 * ```
 */
export async function bindServer(
  server: Server,
  binding: ServerBinding,
  { sink, signal }: { readonly sink: Pick<AcceptorSink, 'error' | 'refused'>; readonly signal: AbortSignal },
): Promise<void> {
  if (binding.prepare) await prepared(binding, signal)
  await bound(server, binding, signal)
  const { requestedAddress: address, refusal, clock = systemClock } = binding
  guardDescriptors(server, { sink, address, refusal, clock }, descriptorLimit())
  // Such as too many open files: a later connection may succeed.
  server.on('error', (cause) => sink.error(acceptFailed(binding.requestedAddress, cause)))
}

async function prepared(binding: ServerBinding, signal: AbortSignal): Promise<void> {
  try {
    await binding.prepare?.()
  } catch (cause) {
    signal.throwIfAborted()
    throw isTransportError(cause) ? cause : listenFailed(binding, toError(cause))
  }
  signal.throwIfAborted()
}

function bound(server: Server, binding: ServerBinding, signal: AbortSignal): Promise<void> {
  const { listen, unlisten } = binding
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    // Never removed: the lookup of the address may fail after an abort.
    server.on('error', ignore)
    const settle = (): void => {
      server.off('error', onerror)
      unsubscribe()
    }
    const onerror = (cause: Error): void => {
      settle()
      server.close()
      reject(listenFailed(binding, cause))
    }
    const unsubscribe = onAbort(signal, () => {
      settle()
      if (unlisten) unlisten(server)
      else server.close()
      reject(signal.reason)
    })
    server.once('error', onerror)
    server.once('listening', () => {
      settle()
      resolve()
    })
    try {
      listen(server)
    } catch (cause) {
      onerror(toError(cause))
    }
  })
}

function listenFailed({ requestedAddress: address, describeError }: ServerBinding, cause: Error): Error {
  const { reason, ...advice } = (describeError ?? describeListenError)(cause)
  const message = `cannot listen on ${address}: ${reason}`
  return new TransportError('LISTEN_FAILED', message, { address, ...advice }, { cause })
}

function acceptFailed(address: string, cause: Error): Error {
  const message = `cannot accept a connection on ${address}: ${cause.message}`
  return new TransportError('LISTEN_FAILED', message, { address }, { cause })
}
