import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MissingPeerError } from './peer.js'

/** The sources of the peer programs. */
const programsFolder: string = fileURLToPath(new URL('../programs/', import.meta.url))

const INSTALL_TIMEOUT_MS = 15 * 60_000

/** Copies the sources of a program into the folder of its build. Returns their new folder. */
export function copyProgram(name: string, folder: string): string {
  const target = join(folder, name)
  // With their times, so that a build tool sees which of them are new.
  cpSync(join(programsFolder, name), target, { recursive: true, preserveTimestamps: true })
  return target
}

/** Runs one step of an installation. Throws `MissingPeerError` with its last lines when it fails. */
export function run(command: string, args: readonly string[], cwd?: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    ...(cwd !== undefined && { cwd }),
  })
  if (status === 0) return
  const lines = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-4).join('\n')
  throw new MissingPeerError(`${command} ${args.slice(0, 2).join(' ')} failed: ${error?.message ?? lines}`)
}
