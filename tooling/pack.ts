import { join } from 'node:path'
import { mustRun } from './run-command.js'
import type { WorkspacePackage } from './workspace.js'

/** Packs a built package into `destination` as it would be published; returns the path of the tarball. */
export async function pack({ path, manifest }: WorkspacePackage, destination: string): Promise<string> {
  await mustRun('pnpm', ['pack', '--pack-destination', destination], path)
  const name = manifest.name.replace('@', '').replace('/', '-')
  return join(destination, `${name}-${manifest.version}.tgz`)
}
