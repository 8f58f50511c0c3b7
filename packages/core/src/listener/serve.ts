import type { Listener } from '../contract/listener.js'
import { invalidOption } from '../contract/options.js'
import type { Transport } from '../contract/transport.js'
import { guarded, ignore } from '../timing/promises.js'
import { callbackFailed } from '../transport/transport-errors.js'

/**
 * Serves each connection of a listener, or one transport. Resolves when the listener is bound, or when the transport was
 * accepted. Rejects with the error of `start()` or `accept`, or with `INVALID_OPTION`.
 *
 * `accept` starts its transport, as `connect()` of either MCP SDK does. If `accept` fails, its connection is closed and the
 * `onerror` of the listener is called. Other connections are not affected.
 *
 * @example
 * ```ts
 * const listener = await serve(tcpServer({ port: 7000 }), (connection) => newServer().connect(connection))
 * ```
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
