import { invalidOption } from '@mcpwire/core'

/** Where a Unix socket is: a file, a name without a file (Linux), or a named pipe (Windows). */
export type SocketPlace =
  | { readonly kind: 'file'; readonly path: string; readonly address: string }
  | { readonly kind: 'abstract'; readonly path: string; readonly address: string }
  | { readonly kind: 'pipe'; readonly path: string; readonly address: string }

/** Longest path of a socket in bytes, its final zero byte left out: `sun_path` of unix(7), and of unix(4) on BSD. */
const MAX_PATH_BYTES: Readonly<Record<string, number>> = { linux: 107 }
const MAX_PATH_BYTES_ELSEWHERE = 103
/** Longest name of a pipe, prefix included (CreateNamedPipe). */
const MAX_PIPE_CHARACTERS = 256
const PIPE_PREFIX = '\\\\.\\pipe\\'

/**
 * Reads the `path` option: a file; `@name` for an abstract name on Linux; on Windows `\\.\pipe\name`, or a plain
 * name that becomes one. Throws `INVALID_OPTION` for what the platform does not have or is too long for it.
 */
export function socketPlace(path: string, platform: string = process.platform): SocketPlace {
  if (path.includes('\0'))
    invalidOption('path', path, 'without zero bytes; an abstract name is written @name')
  if (platform === 'win32') return pipePlace(path)
  if (path.startsWith('@')) return abstractPlace(path, platform)
  const limit = MAX_PATH_BYTES[platform] ?? MAX_PATH_BYTES_ELSEWHERE
  requireBytes(path, limit)
  return { kind: 'file', path, address: `unix:${path}` }
}

function abstractPlace(path: string, platform: string): SocketPlace {
  if (platform !== 'linux')
    invalidOption('path', path, `a file: abstract names exist on Linux only, not on ${platform}`)
  if (path.length === 1)
    invalidOption('path', path, 'an abstract name with at least one character after the @')
  requireBytes(path, MAX_PATH_BYTES['linux'] as number)
  return { kind: 'abstract', path: `\0${path.slice(1)}`, address: `unix:${path}` }
}

function pipePlace(path: string): SocketPlace {
  const name = path.startsWith(PIPE_PREFIX) ? path.slice(PIPE_PREFIX.length) : path
  if (/[\\/]/.test(name)) invalidOption('path', path, `${PIPE_PREFIX}name, or a name without slashes`)
  const full = PIPE_PREFIX + name
  if (full.length > MAX_PIPE_CHARACTERS)
    invalidOption('path', path, `at most ${MAX_PIPE_CHARACTERS} characters`)
  return { kind: 'pipe', path: full, address: `unix:${full}` }
}

function requireBytes(path: string, limit: number): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > limit)
    invalidOption('path', path, `at most ${limit} bytes long, as the system demands; it has ${bytes}`)
}
