import { randomUUID } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { maxSocketPathBytes } from './socket-path.js'

/** Short, since the path of a socket is limited. */
const FOLDER_PREFIX = '.mcp-'
const FILE_NAME = 's'

/**
 * Calls `use` with the path of a file that does not exist, in a new directory beside `path` that no other user can
 * enter. Removes both afterwards. `bindable` is the same path, short enough for a socket.
 */
export function withPrivateFile<T>(path: string, use: (inside: string, bindable: string) => T): T {
  const parent = dirname(path)
  const folder = mkdtempSync(join(parent, FOLDER_PREFIX))
  try {
    const inside = join(folder, FILE_NAME)
    if (Buffer.byteLength(inside) <= maxSocketPathBytes()) return use(inside, inside)
    // Node unlinks by the bound name, when the descriptor number may belong to another directory: hence a unique name.
    const unique = randomUUID()
    return byDescriptor(folder, (short) => use(join(folder, unique), join(short, unique)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Linux has a short name for every open directory. */
function byDescriptor<T>(folder: string, use: (short: string) => T): T {
  if (process.platform !== 'linux') {
    const spare = folder.length - dirname(folder).length + FILE_NAME.length + 1
    throw new Error(`the path of its directory exceeds ${maxSocketPathBytes() - spare} bytes`)
  }
  const descriptor = openSync(folder, 'r')
  try {
    return use(`/proc/self/fd/${descriptor}`)
  } finally {
    closeSync(descriptor)
  }
}
