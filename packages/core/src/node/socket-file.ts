/*
 * Binding a server at a socket path so that no other user and no other server is affected:
 *
 *   prepare   checks the directory, and removes a stale socket of this user (`clearStaleSocket`)
 *   listen    binds in a private directory, sets the mode there, then links the file to its path (`listenAt`)
 *   unlisten  removes the file if it is the one that was made, then closes the server (`removeOwn`)
 *
 * `bindServer` calls them in this order. Abstract names and pipes are not files: they are only bound.
 */
import { type BigIntStats, chmodSync, linkSync, lstatSync, renameSync, rmSync, statSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { type Clock, TransportError } from '../index.js'
import type { ServerBinding } from './bind-server.js'
import { withPrivateFile } from './private-file.js'
import type { SocketPath } from './socket-path.js'
import { codeOf, type ErrorDescription } from './system-errors.js'

/** How long the probe of an existing socket may take. */
const PROBE_MS = 1_000
/** How often the file at the path may change while it is examined. */
const MAX_ATTEMPTS = 3
/** The codes of file systems without hard links. */
const NO_LINKS: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** How a server is bound at a socket path. */
export interface SocketBindingOptions {
  /** Permissions of the file. Abstract names and pipes have none. */
  readonly mode: number
  readonly clock: Clock
  /** The option that holds the path, for errors; `path` unless given. */
  readonly option?: string | undefined
}

/**
 * Binds a server at a socket path, for `bindServer` and `socketAcceptor`. A file has its mode from its first moment,
 * replaces nothing but a stale socket of this user, and is removed at the end. The directory must be safe: no other
 * user may be able to replace files in it. Use one binding for one server.
 *
 * @example
 * ```ts
 * const binding = socketBinding(parseSocketPath('/run/app/mcp.sock'), { mode: 0o600, clock: systemClock })
 * await bindServer(createServer(), binding, { sink, signal })
 * ```
 */
export function socketBinding(socket: SocketPath, options: SocketBindingOptions): ServerBinding {
  const { path, address } = socket
  const { mode, clock, option = 'path' } = options
  const common = {
    requestedAddress: address,
    describeError: (cause: Error) => describeSocketListenError(cause, option),
  }
  if (socket.kind !== 'file')
    return { ...common, listen: (server) => void server.listen({ path, exclusive: true }) }
  let made: BigIntStats | undefined
  return {
    ...common,
    prepare: async () => {
      requireSafeDirectory(path, address, option)
      await clearStaleSocket(path, address, clock, option)
    },
    listen: (server) => {
      made = listenAt(server, path, mode)
    },
    unlisten: (server) => {
      // In this order: as long as the file exists, a server listens behind it.
      if (made) removeOwn(path, made)
      server.close()
    },
  }
}

/** The file at a path, or nothing. Follows no link. */
function fileAt(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

/**
 * Starts a server at a path, with its mode from the first moment and only if the path is free.
 *
 * It is bound where no other user can reach it, gets its mode there, and then its name. A umask instead would apply
 * to the whole process, other threads included, and cannot be set in a worker thread. Throws errors of the file
 * system; the server emits errors of binding itself.
 */
function listenAt(server: Server, path: string, mode: number): BigIntStats | undefined {
  return withPrivateFile(path, (inside, bindable) => {
    server.listen({ path: bindable, exclusive: true })
    if (!server.listening) return undefined
    try {
      chmodSync(inside, mode)
      const made = fileAt(inside)
      moveToFreePath(inside, path)
      return made
    } catch (error) {
      server.close()
      throw error
    }
  })
}

/** Removes our own file. No other file can have its inode number while the server that made it is open. */
function removeOwn(path: string, made: BigIntStats): void {
  try {
    removeIf(path, (file) => file.dev === made.dev && file.ino === made.ino)
  } catch {
    // The directory is gone or no longer writable. If the file is still there, the next server replaces it.
  }
}

/**
 * Removes a stale socket of this user from a path: one on which nothing listens. Resolves where the path is free.
 * Rejects with `LISTEN_FAILED` for a live socket, another kind of file, a link, or a socket of another user.
 */
export async function clearStaleSocket(
  path: string,
  address: string,
  clock: Clock,
  option = 'path',
): Promise<void> {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const found = fileAt(path)
    if (!found) return
    const obstacle = obstacleOf(found) ?? (await probe(path, clock))
    if (obstacle !== 'stale') throw listenFailed(address, option, obstacle)
    // File systems reuse numbers at once, so that a new socket may have the number of the probed one.
    const isSame = (file: BigIntStats): boolean =>
      file.dev === found.dev && file.ino === found.ino && file.mtimeNs === found.mtimeNs
    if (removeIf(path, isSame)) return
  }
  throw listenFailed(address, option, 'other servers are starting at this path')
}

/** Why a file cannot be replaced, as far as its status shows. */
function obstacleOf(found: BigIntStats): string | undefined {
  if (found.isSymbolicLink()) return 'the path is a symbolic link'
  if (found.isDirectory()) return 'the path is a directory'
  if (!found.isSocket()) return 'the path is a file that is not a socket'
  const uid = process.geteuid?.()
  return uid !== undefined && found.uid !== BigInt(uid)
    ? `the path is a socket of user ${found.uid}`
    : undefined
}

/** `stale` where nothing accepts connections; otherwise, why the socket stays. A server that does not respond is busy. */
function probe(path: string, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    const settle = (outcome: string): void => {
      timer[Symbol.dispose]()
      socket.destroy()
      resolve(outcome)
    }
    const timer = clock.deadline(PROBE_MS, () => settle('a server that does not respond listens there'))
    socket.once('connect', () => settle(OCCUPIED))
    socket.on('error', (error) => {
      const code = codeOf(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') settle('stale')
      else if (code === 'EAGAIN') settle(`${OCCUPIED}, and its backlog is full`)
      else settle(`the socket there cannot be probed (${code})`)
    })
  })
}

/**
 * Removes the file at a path if `isIt` accepts it, and returns whether it did. The file is first moved to a private
 * directory and checked there: before that, another server may replace it between check and removal.
 */
export function removeIf(path: string, isIt: (file: BigIntStats) => boolean): boolean {
  const first = fileAt(path)
  if (!first || !isIt(first)) return false
  return withPrivateFile(path, (inside) => {
    try {
      renameSync(path, inside)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
    const moved = fileAt(inside)
    if (moved && isIt(moved)) return true
    putBack(inside, path)
    return false
  })
}

/** Moves a file back, unless its path is occupied again. */
function putBack(inside: string, path: string): void {
  try {
    moveToFreePath(inside, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Moves a file to a path that is free; throws `EEXIST` where it is not. */
function moveToFreePath(from: string, to: string): void {
  try {
    linkSync(from, to)
    rmSync(from)
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error
    if (fileAt(to)) throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST' })
    renameSync(from, to)
  }
}

/** A user who may replace files in the directory could put another socket at the path. */
function requireSafeDirectory(path: string, address: string, option: string): void {
  const folder = dirname(path)
  const unsafe = (why: string): Error => listenFailed(address, option, why)
  const found = statSync(folder, { throwIfNoEntry: false })
  if (!found) throw unsafe(`there is no directory ${folder}`)
  const isWorldWritable = (found.mode & 0o002) !== 0
  const isSticky = (found.mode & 0o1000) !== 0
  if (isWorldWritable && !isSticky) throw unsafe(`every user can replace files in ${folder}`)
  const uid = process.geteuid?.()
  if (uid !== undefined && found.uid !== uid && found.uid !== 0)
    throw unsafe(`user ${found.uid} owns ${folder} and can replace files in it`)
}

function listenFailed(address: string, option: string, why: string): Error {
  const advice = why.startsWith(OCCUPIED) ? { option, hint: OTHER_PATH } : { option }
  return new TransportError('LISTEN_FAILED', `cannot listen on ${address}: ${why}`, { address, ...advice })
}

const OCCUPIED = 'another server listens there'
const OTHER_PATH = 'choose another path'

const LISTEN_REASONS: ReadonlyMap<string, readonly [reason: string, hint?: string]> = new Map(
  Object.entries({
    EADDRINUSE: [OCCUPIED, OTHER_PATH],
    EEXIST: ['another server bound this path at the same time', OTHER_PATH],
    ENOENT: ['its directory does not exist'],
    ENOTDIR: ['its parent is not a directory'],
    EACCES: ['the permissions of its directory deny access', OTHER_PATH],
    EPERM: ['the permissions of its directory deny access', OTHER_PATH],
    EROFS: ['its directory is read-only', OTHER_PATH],
  }),
)

function describeSocketListenError(cause: Error, option: string): ErrorDescription {
  const [reason, hint] = LISTEN_REASONS.get(codeOf(cause) ?? '') ?? []
  if (reason === undefined) return { reason: readableMessage(cause) }
  return hint === undefined ? { reason, option } : { reason, option, hint }
}

const PATH_HINT = 'check that the server is running and that the path is correct'
const CONNECT_REASONS: ReadonlyMap<string, readonly [reason: string, hint?: string]> = new Map(
  Object.entries({
    ENOENT: ['the socket does not exist', PATH_HINT],
    ENOTDIR: ['the socket does not exist', PATH_HINT],
    ECONNREFUSED: ['connection refused: nothing listens there', PATH_HINT],
    EACCES: ['permission denied by the mode of the socket or of a directory above it'],
    EPERM: ['permission denied by the mode of the socket or of a directory above it'],
    ENOTSOCK: ['the path is not a socket'],
    EPROTOTYPE: ['the path is a socket of another type'],
  }),
)

/**
 * Why a connection to a socket path failed, for `dialSocket`.
 *
 * @param option the option that holds the path
 */
export function describeSocketConnectError(cause: Error, option = 'path'): ErrorDescription {
  const [reason, hint] = CONNECT_REASONS.get(codeOf(cause) ?? '') ?? []
  if (reason === undefined) return { reason: readableMessage(cause) }
  return hint === undefined ? { reason, option } : { reason, option, hint }
}

/** Messages of Node quote abstract names with their zero byte. */
function readableMessage({ message }: Error): string {
  return message.replaceAll('\0', '@')
}
