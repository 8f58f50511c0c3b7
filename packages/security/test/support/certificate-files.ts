import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { onTestFinished } from 'vitest'
import { type CertificateSource, type CertificatesOptions, certificates } from '../../src/node/index.js'

/** The authority of these tests. */
export const authority = createAuthority('test authority')

/** A certificate with its key. */
export type Credential = ReturnType<typeof authority.issue>

/** A certificate for this host that the authority issued. */
export function issued(
  name: string,
  content: Partial<Parameters<typeof authority.issue>[0]> = {},
): Credential {
  return authority.issue({ name, names: ['localhost', '127.0.0.1'], ...content })
}

/** The files of one end. */
export interface Files {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
}

/** The paths of the files in a folder. */
export function filesIn(folder: string): Files {
  return {
    certFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    caFile: join(folder, 'ca.crt'),
  }
}

/** Writes the files in place. The authority is that of these tests. */
export async function write(files: Files, { cert, key }: Credential, ca = authority.cert): Promise<Files> {
  await writeFile(files.certFile, cert)
  await writeFile(files.keyFile, key)
  await writeFile(files.caFile, ca)
  return files
}

/** Writes the files in a new folder. */
export async function written(credential: Credential, ca?: string): Promise<Files> {
  return write(filesIn(await temporaryFolder()), credential, ca)
}

/** Files that are replaced together, as in a mounted Kubernetes secret. */
export interface MountedSecret {
  readonly files: Files
  /** Replaces all files in one step, and removes those before. */
  put(credential: Credential): Promise<void>
}

/** Puts the files in a folder that links lead to over the link `..data`. */
export async function mountedSecret(first: Credential): Promise<MountedSecret> {
  const folder = await temporaryFolder()
  const files = filesIn(folder)
  let version = 0
  const put = async (credential: Credential): Promise<void> => {
    const target = `..2026_${++version}`
    await mkdir(join(folder, target))
    await write(filesIn(join(folder, target)), credential)
    await symlink(target, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await rm(join(folder, `..2026_${version - 1}`), { recursive: true, force: true })
  }
  await put(first)
  for (const path of Object.values(files)) await symlink(join('..data', basename(path)), path)
  return { files, put }
}

/** A source that is disposed of after the test, with its reports. */
export function sourceOf(options: CertificatesOptions): {
  readonly source: CertificateSource
  readonly errors: Error[]
  readonly changes: string[]
} {
  const errors: Error[] = []
  const changes: string[] = []
  const source = certificates({ onError: (error) => errors.push(error), ...options })
  source.onChange(() => changes.push(String(source.current().cert)))
  onTestFinished(() => source[Symbol.dispose]())
  return { source, errors, changes }
}
