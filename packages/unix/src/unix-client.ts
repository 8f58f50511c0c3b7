/*
 * How the client is built: `createTransport` owns the life cycle and calls `connect` once.
 *
 *   start() ─▶ connect() ─▶ dialSocket: deadline, preamble ─▶ openSocket: connect, retry while the backlog is full
 *                    └────▶ duplexChannel: lines, limits, backpressure, the end
 */
import type { Socket } from 'node:net'
import type { Clock, Transport } from '@mcpwire/core'
import {
  createTransport,
  defaultsOf,
  group,
  inRange,
  type OptionDefaults,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  clientPreambleOptions,
  codeOf,
  connectSocket,
  createMessageDeadlines,
  describeSocketConnectError,
  dialSocket,
  duplexChannel,
  inspectServerStart,
  type Preamble,
  parseSocketPath,
  type SocketStreamOptions,
  socketStreamOptions,
} from '@mcpwire/core/node'

/** Options of `unixClient`. */
export interface UnixClientOptions extends SocketStreamOptions {
  /** Path of the socket file, `@name` for an abstract name (Linux), or the name of a pipe (Windows). */
  path: string
  /**
   * Deadline for connecting, in milliseconds. It includes `preamble.headers()`. While the backlog of the server is full,
   * the client retries until then.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * Headers to send before the first message, to a server with option `preamble`. Its `headers` function is called for
   * each connection.
   * @defaultValue undefined
   */
  preamble?: Preamble | undefined
}

const table = options<UnixClientOptions, 'preamble'>({
  ...socketStreamOptions.rules,
  path: text(),
  connectTimeoutMs: inRange(1, Infinity, 10_000),
  preamble: optional(group(clientPreambleOptions)),
})

/** The defaults of `unixClient`. */
export const unixClientDefaults: OptionDefaults<UnixClientOptions, 'preamble'> =
  /* @__PURE__ */ defaultsOf(table)

/** Interval of connection attempts while the backlog of the server is full: the system reports no free space. */
const RETRY_MS = 20

/**
 * A transport to one MCP server over a Unix socket of this host. Opens nothing until `start()`.
 *
 * `start()` rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, or `CALLBACK_FAILED` (`preamble.headers`). A server that
 * does not admit the client closes the connection with `REFUSED` or `AUTH_REQUIRED`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2026-07-28, Transports: custom transports over byte streams use the framing of stdio
 * @example
 * ```ts
 * await client.connect(unixClient({ path: '/run/app/mcp.sock' }))
 * ```
 */
export function unixClient(given: UnixClientOptions): Transport {
  const settings = table.read(given)
  const { path, address } = parseSocketPath(settings.path)
  const { maxMessageBytes, maxQueuedBytes, keepEncoded, closeTimeoutMs, pingIntervalMs, clock } = settings
  const messageDeadlines = createMessageDeadlines(settings.messageTimeoutMs, clock)
  const dialOptions = {
    ...settings,
    address,
    open: (signal: AbortSignal) => openSocket(path, clock, signal),
    describeError: describeSocketConnectError,
  }
  return createTransport(
    {
      connect: async (sink, signal) => {
        const socket = await dialSocket(dialOptions, signal)
        const peer = Object.freeze({ medium: 'unix', address })
        // Member by member: each connection keeps this object, and a spread object would have a shape of its own.
        return duplexChannel(socket, sink, {
          peer,
          maxMessageBytes,
          maxQueuedBytes,
          keepEncoded,
          closeTimeoutMs,
          pingIntervalMs,
          messageDeadlines,
          clock,
          inspectStart: inspectServerStart,
        })
      },
    },
    settings,
  )
}

async function openSocket(path: string, clock: Clock, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      return await connectSocket({ path }, signal)
    } catch (cause) {
      if (codeOf(cause) !== 'EAGAIN') throw cause
    }
    await clock.sleep(RETRY_MS, signal)
  }
}
