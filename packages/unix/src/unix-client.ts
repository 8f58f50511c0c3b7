import { connect, type Socket } from 'node:net'
import {
  createTransport,
  requireInRange,
  requireText,
  resolveOptions,
  type Transport,
  TransportError,
} from '@mcpwire/core'
import {
  type ByteStreamOptions,
  byteStreamDefaults,
  duplexChannel,
  type Preamble,
  requireByteStreamLimits,
  sendPreamble,
} from '@mcpwire/core/node'
import { socketPlace } from './path.js'

/** Options of a client over a Unix socket. */
export interface UnixClientOptions extends ByteStreamOptions {
  /** The socket's file; `@name` for an abstract name on Linux; on Windows the name of a pipe. */
  path: string
  /**
   * How long connecting may take, in milliseconds.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * Headers to send in front of the conversation, to a server whose `preamble` expects them.
   * @defaultValue undefined
   */
  preamble?: Preamble | undefined
}

/** What `unixClient` uses for options that are not given. */
export const unixClientDefaults: { readonly connectTimeoutMs: 10_000 } & typeof byteStreamDefaults = {
  connectTimeoutMs: 10_000,
  ...byteStreamDefaults,
}

/**
 * A transport to one MCP server listening on a Unix socket of this host. Opens nothing until `start()`, which
 * rejects with `CONNECT_FAILED` or `CONNECT_TIMEOUT`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2026-07-28, Transports: custom transports over byte streams use the framing of stdio
 */
export function unixClient(options: UnixClientOptions): Transport {
  const settings = resolveOptions(unixClientDefaults, options)
  requireText('path', settings.path)
  requireInRange('connectTimeoutMs', settings.connectTimeoutMs, 1, Infinity)
  requireByteStreamLimits(settings)
  const { path, address } = socketPlace(settings.path)

  return createTransport(
    {
      connect: async (sink, signal) => {
        const headers = await settings.preamble?.headers()
        const socket = await dial(path, address, settings, signal)
        if (headers) sendPreamble(socket, headers)
        const peer = Object.freeze({ medium: 'unix', address })
        return duplexChannel(socket, sink, { ...settings, peer })
      },
    },
    settings,
  )
}

type Timing = Pick<
  ReturnType<typeof resolveOptions<typeof unixClientDefaults, UnixClientOptions>>,
  'clock' | 'connectTimeoutMs'
>

function dial(
  path: string,
  address: string,
  { clock, connectTimeoutMs }: Timing,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect({ path })
    const giveUp = (reason: unknown): void => {
      settled()
      socket.destroy()
      reject(reason)
    }
    const late = clock.deadline(connectTimeoutMs, () => {
      const message = `${address} did not answer within connectTimeoutMs (${connectTimeoutMs} ms)`
      giveUp(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs: connectTimeoutMs }))
    })
    const abort = (): void => giveUp(signal.reason)
    const settled = (): void => {
      late[Symbol.dispose]()
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `cannot connect to ${address}: ${meaningOf(cause)}`
      giveUp(new TransportError('CONNECT_FAILED', message, { address }, { cause }))
    })
    // Stays for good: between here and the channel's own listener an error would otherwise be uncaught.
    socket.on('error', () => {})
    socket.once('connect', () => {
      settled()
      resolve(socket)
    })
  })
}

function meaningOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such socket'
  if (code === 'ECONNREFUSED') return 'nobody listens there any more'
  if (code === 'EACCES' || code === 'EPERM') return 'its permissions keep this user out'
  if (code === 'ENOTSOCK') return 'that is no socket'
  return message
}
