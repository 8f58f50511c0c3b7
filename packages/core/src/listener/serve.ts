import type { Listener } from '../contract/listener.js'
import { invalidOption } from '../contract/options.js'
import type { Transport } from '../contract/transport.js'
import { guarded, ignore } from '../timing/promises.js'
import { callbackFailed } from '../transport/transport-errors.js'

/**
 * Serves every conversation that comes: each connection of a listener, or the one of a transport. Resolves once
 * the listener is bound, or the transport was accepted; rejects with what `start()` or `accept` rejects with, and with
 * `INVALID_OPTION` where the two are something else.
 *
 * `accept` starts the transport it is given, as `connect()` of either MCP SDK does. Where it fails, that one
 * connection is closed and the listener's `onerror` told; others go on.
 */
export async function serve<T extends Transport | Listener>(
  source: T,
  accept: (transport: Transport) => unknown,
): Promise<T> {
  if (typeof accept !== 'function') {
    invalidOption('accept', accept, 'a function, such as (connection) => newServer().connect(connection)')
  }
  if (typeof source?.start !== 'function') invalidOption('source', source, 'a listener or a transport')
  if ('connections' in source) await serveListener(source, accept)
  else await accept(source)
  return source
}

async function serveListener(listener: Listener, accept: (transport: Transport) => unknown): Promise<void> {
  listener.onconnection = (connection) => {
    void acceptOne(connection, accept, (error) => listener.onerror?.(error))
  }
  await listener.start()
}

/** Never rejects. */
async function acceptOne(
  connection: Transport,
  accept: (transport: Transport) => unknown,
  report: (error: Error) => void,
): Promise<void> {
  try {
    await accept(connection)
  } catch (cause) {
    const error = callbackFailed('accept', cause, 'a connection was closed because accept')
    await connection.close({ reason: error })
    guarded(() => report(error), ignore)
  }
}
