import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from './pack.js'
import { type Problems, runAsCheck } from './run-as-check.js'
import { mustRun, runCommand } from './run-command.js'
import { publicPackages, readManifest } from './workspace.js'

const PACKED = ['@mcpwire/core', '@mcpwire/compliance']
const EXAMPLES = 'packages/compliance/examples'
const TIMEOUT_SECONDS = '120'

/**
 * The transport from docs/writing-a-transport.md passes its compliance test outside the workspace, with core and
 * compliance installed from their tarballs. Takes about half a minute.
 */
export async function checkOutsideTransport(root: string): Promise<Problems> {
  const folder = await mkdtemp(join(tmpdir(), 'mcpwire-outside-'))
  try {
    const packages = publicPackages(root).filter(({ manifest }) => PACKED.includes(manifest.name))
    const tarballs: string[] = []
    for (const each of packages) tarballs.push(await pack(each, folder))
    const vitest = `vitest@${readManifest(join(root, 'node_modules/vitest')).version}`
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
    await mustRun(
      'npm',
      ['install', '--no-audit', '--no-fund', '--no-package-lock', ...tarballs, vitest],
      folder,
    )
    await copyFile(join(root, EXAMPLES, 'port-transport.ts'), join(folder, 'port-transport.ts'))
    await copyFile(
      join(root, EXAMPLES, 'port-transport.compliance.ts'),
      join(folder, 'port-transport.test.ts'),
    )
    const run = [TIMEOUT_SECONDS, process.execPath, 'node_modules/vitest/vitest.mjs', 'run']
    const { exitCode, output } = await runCommand('timeout', run, folder)
    return exitCode === 0
      ? []
      : [`${EXAMPLES}: the example ends with ${exitCode} outside the workspace:\n${output}`]
  } finally {
    await rm(folder, { recursive: true })
  }
}

await runAsCheck(import.meta.url, checkOutsideTransport)
