import { createHash } from 'node:crypto'
import { readFileSync, type Stats, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { optionError, toError } from '@mcpwire/core/authoring'
import type { MaterialFile, MaterialFiles } from './certificate-material.js'

/** The largest file to read. A bundle of all public authorities is about a quarter of a megabyte. */
const MAX_FILE_BYTES = 4_194_304

/** The files of the certificates of one end. */
export interface CertificatePaths {
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly caFile?: string | undefined
}

/** The state of the files at one moment. */
export type FileState = { readonly digest: string } & (
  | { readonly files: MaterialFiles }
  | { readonly error: Error }
)

const parts = [
  ['cert', 'certFile'],
  ['key', 'keyFile'],
  ['ca', 'caFile'],
] as const

/**
 * Reads the files.
 *
 * @throws TransportError `INVALID_OPTION` with the option and the file
 */
export function readFilesSync(paths: CertificatePaths): MaterialFiles & { readonly digest: string } {
  const found = parts.map(([part, option]) => {
    const file = paths[option]
    if (file === undefined) return [part, undefined] as const
    try {
      checkStats(statSync(file))
      return [part, { option, file, content: readFileSync(file, 'latin1') }] as const
    } catch (cause) {
      throw unreadable(option, file, cause)
    }
  })
  return withDigest(found)
}

/** Reads the files without blocking. Never rejects. */
export async function readFiles(paths: CertificatePaths): Promise<FileState> {
  try {
    const found = parts.map(async ([part, option]) => {
      const file = paths[option]
      if (file === undefined) return [part, undefined] as const
      try {
        checkStats(await stat(file))
        return [part, { option, file, content: await readFile(file, 'latin1') }] as const
      } catch (cause) {
        throw unreadable(option, file, cause)
      }
    })
    const { digest, ...files } = withDigest(await Promise.all(found))
    return { digest, files }
  } catch (thrown) {
    const error = toError(thrown)
    return { digest: error.message, error }
  }
}

type Found = readonly (readonly [part: 'cert' | 'key' | 'ca', file: MaterialFile | undefined])[]

function withDigest(found: Found): MaterialFiles & { readonly digest: string } {
  const hash = createHash('sha256')
  for (const [part, file] of found) hash.update(`${part} ${file?.content.length}\n${file?.content}\n`)
  return { ...Object.fromEntries(found), digest: hash.digest('hex') }
}

/** Reading a pipe or a device would wait, or never end. */
function checkStats(stats: Stats): void {
  if (!stats.isFile()) throw new Error('it is not a regular file')
  if (stats.size > MAX_FILE_BYTES)
    throw new Error(`it has ${stats.size} bytes, more than the limit (${MAX_FILE_BYTES})`)
}

function unreadable(option: string, file: string, cause: unknown): Error {
  return optionError(
    option,
    `must be a file that can be read: ${toError(cause).message} (${file})`,
    {},
    cause,
  )
}
