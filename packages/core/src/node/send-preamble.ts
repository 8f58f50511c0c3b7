import type { Socket } from 'node:net'
import { callback, callbackFailed, type OptionTable, options, unlessAborted } from '../authoring.js'
import { isTransportError } from '../index.js'
import { encodePreamble, type Preamble } from './preamble.js'

/** The option `preamble` of a client. */
export const clientPreambleOptions: OptionTable<Preamble> = options<Preamble>({ headers: callback() })

/**
 * Calls `preamble.headers()` for one connection. Rejects with `CALLBACK_FAILED`, or with `signal.reason` as soon as the
 * signal aborts.
 */
export function resolvePreambleHeaders(
  preamble: Preamble,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const headers = async (): Promise<Readonly<Record<string, string>>> => {
    try {
      return requireHeaders(await preamble.headers())
    } catch (cause) {
      throw isTransportError(cause) ? cause : callbackFailed('preamble.headers', cause)
    }
  }
  return unlessAborted(headers, signal)
}

/** Checks and copies the headers. Its errors contain no values. */
function requireHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null) throw new TypeError('it did not return an object')
  const wrong = Object.entries(headers).find(([, value]) => typeof value !== 'string')
  if (wrong) throw new TypeError(`header ${JSON.stringify(wrong[0])} is not a string`)
  return { ...headers } as Record<string, string>
}

/** Writes the preamble. */
export function sendPreamble(socket: Socket, headers: Readonly<Record<string, string>>): void {
  socket.write(encodePreamble(headers))
}
