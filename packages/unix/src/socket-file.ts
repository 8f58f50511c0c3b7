import { type BigIntStats, chmodSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { type Clock, TransportError } from '@mcpwire/core'
import { codeOf } from './meanings.js'
import { withPrivateFile } from './private-file.js'

/** How long a socket may take to show whether somebody listens behind it. */
const PROBE_MS = 1_000
/** How often what is at the path may turn into something else while it is looked at. */
const MAX_LOOKS = 3
/** How file systems that know no second name for a file say so. */
const NO_LINKS: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** The file at a path, or nothing. Follows no link. */
function fileAt(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

/**
 * Starts a server at a path, with its mode from the first moment and only if nothing is there.
 *
 * It is bound where nobody else can reach it, given its mode there, and then gets its name. A umask instead would
 * be that of the whole process, other threads included, and cannot be set in a worker thread. Throws what the
 * system says; what goes wrong with binding itself the server tells by its `error` event.
 */
export function listenAt(server: Server, path: string, mode: number): BigIntStats | undefined {
  return withPrivateFile(path, (inside, bindable) => {
    server.listen({ path: bindable, exclusive: true })
    if (!server.listening) return undefined
    try {
      chmodSync(inside, mode)
      const made = fileAt(inside)
      giveName(inside, path)
      return made
    } catch (error) {
      server.close()
      throw error
    }
  })
}

/** Removes our own file. Its number cannot be anybody else's while the server that made it is open. */
export function removeOwn(path: string, made: BigIntStats): void {
  try {
    removeIf(path, (file) => file.dev === made.dev && file.ino === made.ino)
  } catch {
    // The folder is gone or closed to us by now. If the file is still there, the next server replaces it.
  }
}

/**
 * Makes room at the path of a socket. Nothing there is fine. A socket of ours behind which nobody listens any more
 * is removed. Rejects with `LISTEN_FAILED` for everything else: a live socket, another kind of file, a link, or a
 * socket that belongs to somebody else.
 */
export async function clearStaleSocket(path: string, address: string, clock: Clock): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const found = fileAt(path)
    if (!found) return
    requireOurs(found, address)
    const silence = await silenceOf(path, clock)
    if (silence !== 'dead') throw occupied(address, silence)
    // File systems use numbers again at once, so that a new socket may have the number of the one that was probed.
    const isSame = (file: BigIntStats): boolean =>
      file.dev === found.dev && file.ino === found.ino && file.mtimeNs === found.mtimeNs
    if (removeIf(path, isSame)) return
  }
  throw occupied(address, 'other servers come and go there')
}

function requireOurs(found: BigIntStats, address: string): void {
  if (found.isSymbolicLink()) throw occupied(address, 'a symbolic link is there')
  if (found.isDirectory()) throw occupied(address, 'a directory is there')
  if (!found.isSocket()) throw occupied(address, 'a file that is no socket is there')
  const uid = process.geteuid?.()
  if (uid !== undefined && found.uid !== BigInt(uid))
    throw occupied(address, `a socket of user ${found.uid} is there`)
}

/** Whether nobody accepts connections there; else, why not. Takes silence for a yes: a busy server is not a dead one. */
function silenceOf(path: string, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const probe = connect({ path })
    const settle = (verdict: string): void => {
      late[Symbol.dispose]()
      probe.destroy()
      resolve(verdict)
    }
    const late = clock.deadline(PROBE_MS, () => settle('a server that does not answer is there'))
    probe.once('connect', () => settle('another server listens there (option path)'))
    probe.on('error', (error) => {
      const code = codeOf(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') settle('dead')
      else if (code === 'EAGAIN') settle('another server listens there, and is busy')
      else settle(`a socket is there that cannot be asked whether somebody listens (${code})`)
    })
  })
}

/**
 * Removes the file at a path if it is that one, and tells whether it did. It is moved out of sight first and looked
 * at there, since between a look and a removal another server may have put its own socket there.
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

/** What took the place meanwhile keeps it. */
function putBack(inside: string, path: string): void {
  try {
    giveName(inside, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Moves a file to where nothing is; throws `EEXIST` where something is. */
function giveName(from: string, to: string): void {
  try {
    linkSync(from, to)
    rmSync(from)
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error
    if (fileAt(to)) throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST' })
    renameSync(from, to)
  }
}

function occupied(address: string, why: string): Error {
  return new TransportError('LISTEN_FAILED', `cannot listen on ${address}: ${why}`, { address })
}
