import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder that is removed when it is disposed of. */
export interface Folder extends AsyncDisposable {
  readonly path: string
  readonly remove: () => Promise<void>
}

/** A new folder that only this user can enter. */
export async function newFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'mcpwire-'))
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true })
  return { path, remove, [Symbol.asyncDispose]: remove }
}

/** The path of a new folder that is removed when the test has finished. */
export async function temporaryFolder(): Promise<string> {
  const folder = await newFolder()
  onTestFinished(folder.remove)
  return folder.path
}
