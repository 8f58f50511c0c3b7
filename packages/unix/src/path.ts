import { resolve } from 'node:path'
import { invalidOption } from '@mcpwire/core/authoring'

/** Where a Unix socket is: a file, a name without a file (Linux), or a named pipe (Windows). */
export interface SocketPlace {
  readonly kind: 'file' | 'abstract' | 'pipe'
  /** As the system takes it. */
  readonly path: string
  /** As people read it. */
  readonly address: string
}

/** Longest path of a socket in bytes, its final zero byte left out: `sun_path` of unix(7), and of unix(4) on BSD. */
const MAX_PATH_BYTES = { linux: 107, elsewhere: 103 } as const
/** Longest name of a pipe, prefix included (CreateNamedPipe). */
const MAX_PIPE_CHARACTERS = 256
const PIPE_PREFIX = '\\\\.\\pipe\\'
/** Both spellings of the prefix; Windows takes any case. */
const GIVEN_PIPE_PREFIX = /^\\\\[.?]\\pipe\\/i

/**
 * Reads the `path` option: a file; `@name` for an abstract name on Linux; on Windows `\\.\pipe\name`, or a plain
 * name that becomes one. Throws `INVALID_OPTION` for what the platform does not have or is too long for it.
 */
export function socketPlace(path: string, platform: string = process.platform): SocketPlace {
  if (path.includes('\0'))
    invalidOption('path', path, 'without zero bytes; an abstract name is written @name')
  if (path.startsWith('@')) return abstractPlace(path, platform)
  if (platform === 'win32') return pipePlace(path)
  // A relative one would be another file once the working directory has changed.
  const file = resolve(path)
  requireBytes(path, file, maxPathBytes(platform))
  return { kind: 'file', path: file, address: `unix:${file}` }
}

/** How many bytes the path of a socket may have. */
export function maxPathBytes(platform: string = process.platform): number {
  return platform === 'linux' ? MAX_PATH_BYTES.linux : MAX_PATH_BYTES.elsewhere
}

function abstractPlace(path: string, platform: string): SocketPlace {
  if (platform !== 'linux')
    invalidOption('path', path, `another: abstract names exist on Linux only, not on ${platform}`)
  if (path.length === 1)
    invalidOption('path', path, 'an abstract name with at least one character after the @')
  requireBytes(path, path, MAX_PATH_BYTES.linux)
  return { kind: 'abstract', path: `\0${path.slice(1)}`, address: `unix:${path}` }
}

function pipePlace(path: string): SocketPlace {
  const name = path.replace(GIVEN_PIPE_PREFIX, '')
  if (name === '' || /[\\/]/.test(name))
    invalidOption('path', path, `${PIPE_PREFIX}name, or a name without slashes`)
  const full = PIPE_PREFIX + name
  if (full.length > MAX_PIPE_CHARACTERS)
    invalidOption('path', path, `at most ${MAX_PIPE_CHARACTERS} characters long, ${PIPE_PREFIX} included`)
  return { kind: 'pipe', path: full, address: `unix:${full}` }
}

function requireBytes(given: string, path: string, limit: number): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > limit)
    invalidOption('path', given, `at most ${limit} bytes long, as the system demands; it has ${bytes}`)
}
