import { randomUUID } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { maxPathBytes } from './path.js'

/** Short, for a path of a socket may not be long. */
const FOLDER_PREFIX = '.mcp-'
const FILE_NAME = 's'

/**
 * Calls `use` with the path of a file that is not there, in a new folder beside `path` that no other user can
 * enter. Removes both in the end. `bindable` is that path in a form that is short enough for a socket.
 */
export function withPrivateFile<T>(path: string, use: (inside: string, bindable: string) => T): T {
  const parent = dirname(path)
  const folder = mkdtempSync(join(parent, FOLDER_PREFIX))
  try {
    const inside = join(folder, FILE_NAME)
    if (Buffer.byteLength(inside) <= maxPathBytes()) return use(inside, inside)
    // Node removes what it bound by the name it was given, when the descriptor may be that of another folder.
    const unique = randomUUID()
    return byDescriptor(folder, (short) => use(join(folder, unique), join(short, unique)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Linux has a short name for every folder that is open. */
function byDescriptor<T>(folder: string, use: (short: string) => T): T {
  if (process.platform !== 'linux') {
    const spare = folder.length - dirname(folder).length + FILE_NAME.length + 1
    throw new Error(`its folder may be at most ${maxPathBytes() - spare} bytes long`)
  }
  const descriptor = openSync(folder, 'r')
  try {
    return use(`/proc/self/fd/${descriptor}`)
  } finally {
    closeSync(descriptor)
  }
}
