// Installs the workspace when the lockfile, the Node ABI or the platform changed since the last install.
// Plain JavaScript: it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}node_modules/.bootstrap`
const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const wanted = createHash('sha256')
  .update(readFileSync(`${root}pnpm-lock.yaml`))
  .update([packageManager, process.versions.modules, process.platform, process.arch].join(' '))
  .digest('hex')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  const install = spawnSync(`npx --yes ${packageManager} install --frozen-lockfile`, {
    cwd: root,
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    // CI: pnpm then replaces a node_modules of another platform without asking.
    env: { ...process.env, CI: process.env.CI ?? 'true' },
  })
  if (install.status !== 0) process.exit(install.status ?? 1)
  writeFileSync(stamp, wanted)
}
