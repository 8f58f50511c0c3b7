import type { Server } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import type { AcceptorSink } from '../authoring.js'
import { toError } from '../authoring.js'
import { TransportError } from '../index.js'
import { tlsMeaningOf } from './tls-errors.js'
import type { TlsServerEnd } from './tls-options.js'

/** How a server is bound. */
export interface ServerBinding {
  /** What to call the address in errors, before it is bound. */
  readonly requestedAddress: string
  /** Starts the server listening. */
  readonly listen: (server: Server) => void
  /** Stops it from listening; `server.close()` unless given. */
  readonly unlisten?: ((server: Server) => void) | undefined
}

/**
 * Binds a server. What fails once it is bound is reported, and the server goes on. Rejects with `LISTEN_FAILED`, or
 * with the reason of the signal when that aborts first.
 */
export async function bindServer(
  server: Server,
  binding: ServerBinding,
  { door, signal }: { readonly door: AcceptorSink; readonly signal: AbortSignal },
): Promise<void> {
  await bound(server, binding, signal)
  // Such as too many open files: the next caller may find room again.
  server.on('error', (cause) => door.error(acceptFailed(binding.requestedAddress, cause)))
}

function bound(
  server: Server,
  { requestedAddress, listen, unlisten }: ServerBinding,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays for good: looking up the address may fail after nobody waits for it any more.
    server.on('error', ignore)
    const settled = (): void => {
      server.off('error', onerror)
      signal.removeEventListener('abort', onabort)
    }
    const onerror = (cause: Error): void => {
      settled()
      server.close()
      reject(listenFailed(requestedAddress, cause))
    }
    const onabort = (): void => {
      settled()
      if (unlisten) unlisten(server)
      else server.close()
      reject(signal.reason)
    }
    server.once('error', onerror)
    signal.addEventListener('abort', onabort, { once: true })
    server.once('listening', () => {
      settled()
      resolve()
    })
    try {
      listen(server)
    } catch (cause) {
      onerror(toError(cause))
    }
  })
}

/**
 * Has a server that speaks TLS use new material of the source for new connections, and reports handshakes that fail.
 * Material that cannot work is reported, and the old one stays. Disposing of it ends both, for a server that closes.
 */
export function watchTls(server: TlsServer, tls: TlsServerEnd, report: (error: Error) => void): Disposable {
  let isClosing = false
  server.on('tlsClientError', (cause, socket) => {
    const address = socket.remoteAddress ?? 'a caller'
    // Node leaves a socket open whose handshake took too long.
    socket.destroy()
    if (isClosing) return
    const message = `no TLS with ${address}: ${tlsMeaningOf(cause) ?? cause.message}`
    report(new TransportError('PEER_LOST', message, { address }, { cause }))
  })
  const following = tls.source?.onChange(() => {
    try {
      server.setSecureContext({ ...tls.current(), minVersion: tls.minVersion })
    } catch (error) {
      report(toError(error))
    }
  })
  return {
    [Symbol.dispose]: () => {
      isClosing = true
      following?.[Symbol.dispose]()
    },
  }
}

const LISTEN_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: '; another program listens there: choose another port (option port)',
  EACCES: '; this user may not listen there: choose another port (option port)',
  EADDRNOTAVAIL: '; this machine does not have that address (option host)',
}

function listenFailed(address: string, cause: Error): Error {
  const hint = LISTEN_HINTS[(cause as NodeJS.ErrnoException).code ?? ''] ?? ''
  const message = `cannot listen on ${address}: ${cause.message}${hint}`
  return new TransportError('LISTEN_FAILED', message, { address }, { cause })
}

function acceptFailed(address: string, cause: Error): Error {
  const message = `a caller of ${address} could not be accepted: ${cause.message}`
  return new TransportError('LISTEN_FAILED', message, { address }, { cause })
}

function ignore(): void {}
