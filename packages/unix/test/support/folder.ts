import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new directory that only this user can enter. */
export async function newFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'mcpwire-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** The same, removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const { path, remove } = await newFolder()
  onTestFinished(remove)
  return path
}
