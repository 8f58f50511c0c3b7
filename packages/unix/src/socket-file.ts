import { randomBytes } from 'node:crypto'
import { lstatSync, renameSync, rmSync, type Stats } from 'node:fs'
import { connect } from 'node:net'
import { type Clock, TransportError } from '@mcpwire/core'

/** What tells one file from another that has the same path later on. */
export interface FileIdentity {
  readonly dev: number
  readonly ino: number
}

/** How long a socket file may take to show whether somebody listens behind it. */
const PROBE_MS = 1_000

/** The file at a path, or nothing. Follows no link. */
export function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** Whether it is that very file. */
export function isSame(file: FileIdentity | undefined, other: FileIdentity): boolean {
  return file?.dev === other.dev && file.ino === other.ino
}

/**
 * Makes room at the path of a socket. Nothing there is fine. A socket of ours behind which nobody listens any more
 * is removed. Rejects with `LISTEN_FAILED` for everything else: a live socket, another kind of file, a link, or a
 * socket that belongs to somebody else.
 */
export async function clearStaleSocket(path: string, address: string, clock: Clock): Promise<void> {
  const found = fileAt(path)
  if (!found) return
  if (found.isSymbolicLink()) throw occupied(address, 'a symbolic link is there')
  if (!found.isSocket()) throw occupied(address, 'a file that is no socket is there')
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid)
    throw occupied(address, `a socket of user ${found.uid} is there`)
  if (await isListenedTo(path, clock)) throw occupied(address, 'another server listens there')
  removeIfSame(path, found)
}

/** Whether somebody accepts connections there. Takes silence for a yes: a busy server is not a dead one. */
function isListenedTo(path: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path })
    const settle = (isLive: boolean): void => {
      late[Symbol.dispose]()
      probe.destroy()
      resolve(isLive)
    }
    const late = clock.deadline(PROBE_MS, () => settle(true))
    probe.once('connect', () => settle(true))
    probe.on('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    )
  })
}

/**
 * Removes the file at a path if it still is that one. It is moved aside first and looked at there, since between a
 * look and a removal another server may have put its own socket there.
 */
export function removeIfSame(path: string, identity: FileIdentity): boolean {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(path, aside)
  } catch {
    return false
  }
  if (isSame(fileAt(aside), identity)) {
    rmSync(aside)
    return true
  }
  renameSync(aside, path)
  return false
}

function occupied(address: string, why: string): Error {
  return new TransportError('LISTEN_FAILED', `cannot listen on ${address}: ${why}`, { address })
}
