/*
 * How the server is built: `createListener` owns the life cycle, `socketAcceptor` accepts and offers sockets, and
 * `socketBinding` guards the socket file while it is bound and removed.
 */
import { createServer } from 'node:net'
import type { Listener, ListenerOptions } from '@mcpwire/core'
import {
  createListener,
  defaultsOf,
  group,
  integer,
  listenerOptions,
  type OptionalListenerOptions,
  type OptionDefaults,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  type PreambleOptions,
  parseSocketPath,
  preambleOptions,
  type SocketServerOptions,
  socketAcceptor,
  socketBinding,
  socketServerOptions,
} from '@mcpwire/core/node'

/** Options of `unixServer`. */
export interface UnixServerOptions extends ListenerOptions, SocketServerOptions {
  /** Path of the socket file, `@name` for an abstract name (Linux), or the name of a pipe (Windows). */
  path: string
  /**
   * Permissions of the socket file. Users with write permission may connect. Abstract names and pipes have none.
   * @defaultValue 0o600
   */
  mode?: number | undefined
  /**
   * Requires clients to send headers before the first message, for the gate, within `timeoutMs` (5 000) and `maxBytes`
   * (8 192).
   * @defaultValue undefined
   */
  preamble?: PreambleOptions | undefined
}

const table = options<UnixServerOptions, OptionalListenerOptions | 'preamble'>({
  ...socketServerOptions.rules,
  ...listenerOptions.rules,
  path: text(),
  mode: integer(0, 0o777, 0o600),
  preamble: optional(group(preambleOptions)),
})

/** The defaults of `unixServer`. */
export const unixServerDefaults: OptionDefaults<UnixServerOptions, OptionalListenerOptions | 'preamble'> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * A listener on a Unix socket of this host. Binds nothing until `start()`.
 *
 * `start()` rejects with `LISTEN_FAILED` if the path is occupied by anything but a stale socket of this user. The file
 * has its permissions from its first moment, and is removed at the end if it is still the one that was made.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const path = '/run/app/mcp.sock'
 * const listener = await serve(unixServer({ path }), (connection) => newServer().connect(connection))
 * ```
 */
export function unixServer(given: UnixServerOptions): Listener {
  const settings = table.read(given)
  const preamble =
    settings.preamble === undefined ? undefined : preambleOptions.read(settings.preamble, 'preamble')
  const socketPath = parseSocketPath(settings.path)
  const { address } = socketPath
  const peer = Object.freeze({ medium: 'unix', address })
  const acceptor = socketAcceptor({
    createServer: () => createServer({ pauseOnConnect: true, allowHalfOpen: true }),
    bindsBeyondThisHost: false,
    ...socketBinding(socketPath, settings),
    addressOf: () => address,
    describe: () => ({ medium: 'unix', scheme: 'unix', remote: {}, headers: {} }),
    // Another process may have passed the connection on.
    peerOf: ({ remote }) =>
      remote.address === undefined ? peer : Object.freeze({ medium: 'unix', address: remote.address }),
    channel: settings,
    messageTimeoutMs: settings.messageTimeoutMs,
    maxPending: settings.maxConnections,
    preamble,
  })
  return createListener(acceptor, settings)
}
