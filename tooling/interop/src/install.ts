import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MissingPeerError } from './peer.js'

/** The sources of the peer programs. */
export const programsFolder: string = fileURLToPath(new URL('../programs/', import.meta.url))

const INSTALL_TIMEOUT_MS = 15 * 60_000

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
