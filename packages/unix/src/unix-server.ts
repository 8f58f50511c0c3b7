import { type BigIntStats, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { isTransportError, type Listener, type ListenerOptions, TransportError } from '@mcpwire/core'
import {
  type Acceptor,
  createListener,
  group,
  integer,
  listenerOptions,
  type OptionalListenerOptions,
  type OptionDefaults,
  type OptionSettings,
  optional,
  options,
  text,
  toError,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  byteStreamOptions,
  type PreambleOptions,
  preambleOptions,
  type SocketAcceptorOptions,
  socketAcceptor,
} from '@mcpwire/core/node'
import { listenMeaningOf } from './meanings.js'
import { type SocketPlace, socketPlace } from './path.js'
import { clearStaleSocket, listenAt, removeOwn } from './socket-file.js'

/** Options of a listener on a Unix socket. */
export interface UnixServerOptions extends ListenerOptions, ByteStreamOptions {
  /** The socket's file; `@name` for an abstract name on Linux; on Windows the name of a pipe. */
  path: string
  /**
   * The file's permissions: who may write to it may connect. Abstract names and pipes have none.
   * @defaultValue 0o600
   */
  mode?: number | undefined
  /**
   * Expects callers to send headers in front of the conversation, for the gate to read, within `timeoutMs` (5 000)
   * and `maxBytes` (8 192).
   * @defaultValue undefined
   */
  preamble?: PreambleOptions | undefined
}

const table = options<UnixServerOptions, OptionalListenerOptions | 'preamble'>({
  ...byteStreamOptions.rules,
  ...listenerOptions.rules,
  path: text(),
  mode: integer(0, 0o777, 0o600),
  preamble: optional(group(preambleOptions)),
})

/** What `unixServer` uses for options that are not given. */
export const unixServerDefaults: OptionDefaults<UnixServerOptions, OptionalListenerOptions | 'preamble'> =
  table.defaults

/**
 * A listener on a Unix socket of this host. Binds nothing until `start()`, which rejects with `LISTEN_FAILED` when
 * something is at the path that is not a socket left behind by an earlier server of this user.
 *
 * The file has its permissions from the moment it exists. It is removed in the end if it still is the one that was
 * made.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function unixServer(given: UnixServerOptions): Listener {
  const settings = table.read(given)
  const preamble =
    settings.preamble === undefined ? undefined : preambleOptions.read(settings.preamble, 'preamble')
  const place = socketPlace(settings.path)
  const { address } = place
  const peer = Object.freeze({ medium: 'unix', address })
  const acceptor = socketAcceptor({
    createServer: () => createServer({ pauseOnConnect: true, allowHalfOpen: true }),
    bindsBeyondThisHost: false,
    ...bindingOf(place, settings.mode),
    requestedAddress: address,
    addressOf: () => address,
    describe: () => ({ handshake: { medium: 'unix', remote: {}, headers: {} }, peer }),
    channel: settings,
    maxWaiting: settings.maxConnections,
    preamble,
  })
  const clear = place.kind === 'file' ? onClearPath(acceptor, place, settings) : acceptor
  return createListener(readable(clear, place), settings)
}

type Settings = OptionSettings<UnixServerOptions, OptionalListenerOptions | 'preamble'>

/** Says in words why a place cannot be listened on. */
function readable(acceptor: Acceptor, { address }: SocketPlace): Acceptor {
  return {
    ...acceptor,
    listen: async (door, signal) => {
      try {
        return await acceptor.listen(door, signal)
      } catch (error) {
        signal.throwIfAborted()
        const { cause = error } = toError(error)
        if (!(cause instanceof Error) || isTransportError(cause)) throw error
        const message = `cannot listen on ${address}: ${listenMeaningOf(cause)}`
        throw new TransportError('LISTEN_FAILED', message, { address }, { cause })
      }
    },
  }
}

function onClearPath(acceptor: Acceptor, { path, address }: SocketPlace, { clock }: Settings): Acceptor {
  return {
    ...acceptor,
    listen: async (door, signal) => {
      requireSafeFolder(path, address)
      await clearStaleSocket(path, address, clock)
      signal.throwIfAborted()
      return await acceptor.listen(door, signal)
    },
  }
}

/** How to bind and unbind so that the file is ours alone from its first moment to its last. */
function bindingOf(place: SocketPlace, mode: number): Pick<SocketAcceptorOptions, 'listen' | 'unlisten'> {
  const { path } = place
  if (place.kind !== 'file') return { listen: (server) => void server.listen({ path, exclusive: true }) }
  let made: BigIntStats | undefined
  return {
    listen: (server) => {
      made = listenAt(server, path, mode)
    },
    unlisten: (server) => {
      // In this order: whoever finds the file finds a server behind it.
      if (made) removeOwn(path, made)
      server.close()
    },
  }
}

/** Whoever may replace files in the folder may put a socket of their own in the place of ours. */
function requireSafeFolder(path: string, address: string): void {
  const folder = dirname(path)
  const found = statSync(folder, { throwIfNoEntry: false })
  if (!found) throw unsafe(address, `there is no directory ${folder}`)
  const isWorldWritable = (found.mode & 0o002) !== 0
  const isSticky = (found.mode & 0o1000) !== 0
  if (isWorldWritable && !isSticky)
    throw unsafe(address, `everybody can replace files in ${folder} (its mode)`)
  const uid = process.geteuid?.()
  if (uid !== undefined && found.uid !== uid && found.uid !== 0)
    throw unsafe(address, `user ${found.uid}, who owns ${folder}, can replace files in it`)
}

function unsafe(address: string, why: string): Error {
  return new TransportError('LISTEN_FAILED', `cannot listen on ${address}: ${why}`, { address })
}
