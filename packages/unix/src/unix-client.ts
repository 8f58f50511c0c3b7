import type { Transport } from '@mcpwire/core'
import {
  createTransport,
  group,
  inRange,
  type OptionDefaults,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  byteStreamOptions,
  duplexChannel,
  type Preamble,
  preambleMembers,
  sendPreamble,
} from '@mcpwire/core/node'
import { dial } from './dial.js'
import { socketPlace } from './path.js'

/** Options of a client over a Unix socket. */
export interface UnixClientOptions extends ByteStreamOptions {
  /** The socket's file; `@name` for an abstract name on Linux; on Windows the name of a pipe. */
  path: string
  /**
   * How long connecting may take in milliseconds, the headers of the preamble included. A server whose queue of
   * callers is full is asked again until then.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * Headers to send in front of the conversation, to a server whose `preamble` expects them: `headers` is a function
   * that yields them, asked with each connection.
   * @defaultValue undefined
   */
  preamble?: Preamble | undefined
}

const table = options<UnixClientOptions, 'preamble'>({
  ...byteStreamOptions.rules,
  path: text(),
  connectTimeoutMs: inRange(1, Infinity, 10_000),
  preamble: optional(group(preambleMembers)),
})

/** What `unixClient` uses for options that are not given. */
export const unixClientDefaults: OptionDefaults<UnixClientOptions, 'preamble'> = table.defaults

/**
 * A transport to one MCP server listening on a Unix socket of this host. Opens nothing until `start()`.
 *
 * `start()` rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, or `CALLBACK_FAILED` where the headers of the preamble
 * cannot be had. A server that does not admit the caller ends the conversation with `REFUSED` or `AUTH_REQUIRED`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2026-07-28, Transports: custom transports over byte streams use the framing of stdio
 */
export function unixClient(given: UnixClientOptions): Transport {
  const settings = table.read(given)
  const place = socketPlace(settings.path)
  const { maxMessageBytes, maxQueuedBytes, keepEncoded, closeTimeoutMs, clock } = settings

  return createTransport(
    {
      connect: async (sink, signal) => {
        const { socket, headers } = await dial(place, settings, signal)
        if (headers) sendPreamble(socket, headers)
        const peer = Object.freeze({ medium: 'unix', address: place.address })
        // Each member by itself: one is there for each connection, and a spread object has a shape of its own.
        return duplexChannel(socket, sink, {
          peer,
          maxMessageBytes,
          maxQueuedBytes,
          keepEncoded,
          closeTimeoutMs,
          clock,
        })
      },
    },
    settings,
  )
}
