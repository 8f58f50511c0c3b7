// Runs every soak in a process of its own, with the options of this command.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

for (const soak of ['heap', 'http', 'http-sessions']) {
  const path = fileURLToPath(new URL(`soak/${soak}.js`, import.meta.url))
  const options = ['--expose-gc', path, ...process.argv.slice(2)]
  const { status } = spawnSync(process.execPath, options, { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
