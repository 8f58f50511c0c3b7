import { resolve } from 'node:path'
import { invalidOption } from '../authoring.js'

/** Where a Unix socket is bound: a file, a name without a file (Linux), or a named pipe (Windows). */
export interface SocketPath {
  readonly kind: 'file' | 'abstract' | 'pipe'
  /** The path in the form that `node:net` takes. */
  readonly path: string
  /** The path as a URL, for errors and logs. */
  readonly address: string
}

/** Longest path of a socket in bytes, without its final zero byte: `sun_path` of unix(7), and of unix(4) on BSD. */
const MAX_PATH_BYTES = { linux: 107, elsewhere: 103 } as const
/** Longest name of a pipe, prefix included (CreateNamedPipe). */
const MAX_PIPE_CHARACTERS = 256
const PIPE_PREFIX = '\\\\.\\pipe\\'
/** Both spellings of the prefix, in any case, as Windows accepts them. */
const GIVEN_PIPE_PREFIX = /^\\\\[.?]\\pipe\\/i

/**
 * Parses an option that names a Unix socket. A file is resolved against the working directory at once. `@name` is an
 * abstract name (Linux). On Windows, `\\.\pipe\name` or a plain name is a named pipe.
 *
 * @param option the name of the option, for errors
 * @throws TransportError `INVALID_OPTION` for a path that the platform does not have, or that is too long for it
 * @example
 * ```ts
 * const { kind, address } = parseSocketPath('/run/app/mcp.sock') // 'file', 'unix:/run/app/mcp.sock'
 * ```
 */
export function parseSocketPath(
  path: string,
  option = 'path',
  platform: string = process.platform,
): SocketPath {
  if (path.includes('\0'))
    invalidOption(option, path, 'a path without zero bytes; an abstract name is written @name')
  if (path.startsWith('@')) return parseAbstractName(path, option, platform)
  if (platform === 'win32') return parsePipeName(path, option)
  // Resolved now, since the working directory may change before the socket is used.
  const file = resolve(path)
  requireLength(option, path, file, maxSocketPathBytes(platform))
  return { kind: 'file', path: file, address: `unix:${file}` }
}

/** The number of bytes that the path of a socket may have. */
export function maxSocketPathBytes(platform: string = process.platform): number {
  return platform === 'linux' ? MAX_PATH_BYTES.linux : MAX_PATH_BYTES.elsewhere
}

function parseAbstractName(path: string, option: string, platform: string): SocketPath {
  if (platform !== 'linux')
    invalidOption(option, path, `a file: abstract names exist on Linux only, not on ${platform}`)
  if (path.length === 1)
    invalidOption(option, path, 'an abstract name with at least one character after the @')
  requireLength(option, path, path, MAX_PATH_BYTES.linux)
  return { kind: 'abstract', path: `\0${path.slice(1)}`, address: `unix:${path}` }
}

function parsePipeName(path: string, option: string): SocketPath {
  const name = path.replace(GIVEN_PIPE_PREFIX, '')
  if (name === '' || /[\\/]/.test(name))
    invalidOption(option, path, `${PIPE_PREFIX}name, or a name without slashes`)
  const full = PIPE_PREFIX + name
  if (full.length > MAX_PIPE_CHARACTERS)
    invalidOption(option, path, `at most ${MAX_PIPE_CHARACTERS} characters long, ${PIPE_PREFIX} included`)
  return { kind: 'pipe', path: full, address: `unix:${full}` }
}

function requireLength(option: string, given: string, path: string, limit: number): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > limit)
    invalidOption(option, given, `at most ${limit} bytes long on this system (${bytes} bytes given)`)
}
