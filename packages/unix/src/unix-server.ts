import { renameSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname } from 'node:path'
import {
  type Acceptor,
  createListener,
  type Listener,
  type ListenerOptions,
  listenerDefaults,
  requireInteger,
  requireText,
  resolveOptions,
  TransportError,
} from '@mcpwire/core'
import {
  type ByteStreamOptions,
  byteStreamDefaults,
  type PreambleOptions,
  preambleDefaults,
  requireByteStreamLimits,
  requirePreambleOptions,
  type SocketAcceptorOptions,
  socketAcceptor,
} from '@mcpwire/core/node'
import { type SocketPlace, socketPlace } from './path.js'
import { clearStaleSocket, type FileIdentity, fileAt, isSame } from './socket-file.js'

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
   * Expects callers to send headers in front of the conversation, for the gate to read.
   * @defaultValue undefined
   */
  preamble?: PreambleOptions | undefined
}

/** What `unixServer` uses for options that are not given. */
export const unixServerDefaults: { readonly mode: 0o600 } & typeof byteStreamDefaults &
  typeof listenerDefaults = {
  mode: 0o600,
  ...byteStreamDefaults,
  ...listenerDefaults,
}

/**
 * A listener on a Unix socket of this host. Binds nothing until `start()`, which rejects with `LISTEN_FAILED` when
 * something is at the path that is not a socket left behind by an earlier server of this user.
 *
 * The file has its permissions from the moment it exists. It is removed in the end if it still is the one that was
 * made.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function unixServer(options: UnixServerOptions): Listener {
  const settings = resolveOptions(unixServerDefaults, options)
  requireText('path', settings.path)
  requireInteger('mode', settings.mode, 0, 0o777)
  requireByteStreamLimits(settings)
  const preamble = settings.preamble && resolveOptions(preambleDefaults, settings.preamble)
  if (preamble) requirePreambleOptions(preamble)
  const place = socketPlace(settings.path)
  const { address } = place
  const peer = Object.freeze({ medium: 'unix', address })
  const acceptor = socketAcceptor({
    createServer: () => createServer({ pauseOnConnect: true }),
    bindsBeyondThisHost: false,
    ...bindingOf(place, settings.mode),
    requestedAddress: address,
    addressOf: () => address,
    describe: () => ({ handshake: { medium: 'unix', remote: {}, headers: {} }, peer }),
    channel: settings,
    maxWaiting: settings.maxConnections,
    preamble,
  })
  return createListener(place.kind === 'file' ? onClearPath(acceptor, place, settings) : acceptor, settings)
}

type Settings = ReturnType<typeof resolveOptions<typeof unixServerDefaults, UnixServerOptions>>

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
  let made: FileIdentity | undefined
  return {
    listen: (server) => {
      // Node binds before `listen` returns, so nothing else runs in this process under the other mask.
      const before = process.umask(0o777 & ~mode)
      try {
        server.listen({ path, exclusive: true })
      } finally {
        process.umask(before)
      }
      if (server.listening) made = fileAt(path)
    },
    unlisten: (server) => closeKeepingOthers(server, path, made),
  }
}

/** Node removes whatever is at the path when the server closes; what is not ours is put out of its way meanwhile. */
function closeKeepingOthers(server: Server, path: string, made: FileIdentity | undefined): void {
  const found = fileAt(path)
  const isOurs = !found || (made && isSame(found, made))
  const aside = `${path}.${process.pid}`
  if (!isOurs) renameSync(path, aside)
  try {
    server.close()
  } finally {
    if (!isOurs) renameSync(aside, path)
  }
}

/** Whoever may write to the folder may put a socket of their own in the place of ours. */
function requireSafeFolder(path: string, address: string): void {
  const folder = dirname(path)
  const found = statSync(folder, { throwIfNoEntry: false })
  if (!found) throw unsafe(address, `there is no directory ${folder}`)
  const isWorldWritable = (found.mode & 0o002) !== 0
  const isSticky = (found.mode & 0o1000) !== 0
  if (isWorldWritable && !isSticky)
    throw unsafe(address, `everybody can replace files in ${folder} (its mode)`)
}

function unsafe(address: string, why: string): Error {
  return new TransportError('LISTEN_FAILED', `cannot listen on ${address}: ${why}`, { address })
}
