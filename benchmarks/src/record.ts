// Renews all committed results: measures every suite and soak, then draws the charts and the page.
// Waits until the machine is idle, unless `--now` is given. Passes other options to `bench`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { busyShare, circumstances } from './harness/machine.js'

const IDLE_SHARE = 0.05
const IDLE_FOR_SECONDS = 5
const IDLE_TIMEOUT_SECONDS = 600

const options = process.argv.slice(2).filter((argument) => argument !== '--now')
if (!process.argv.includes('--now')) await waitUntilIdle()
const { dirty } = await circumstances()
if (dirty) console.error('sources differ from the last commit; the results note that')

const steps = [
  ['run.js', 'all', '--save', ...options],
  ['soak.js', '--save'],
  ['report.js'],
  ['check-targets.js'],
] as const
for (const [script, ...args] of steps) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const { status } = spawnSync(process.execPath, [path, ...args], { stdio: 'inherit' })
  // A failed step does not prevent the next one.
  if (status !== 0) process.exitCode = 1
}

/** Waits until the machine has been idle for some seconds, up to a limit. */
async function waitUntilIdle(): Promise<void> {
  let idleFor = 0
  for (let waited = 0; waited < IDLE_TIMEOUT_SECONDS && idleFor < IDLE_FOR_SECONDS; waited++) {
    const busy = await busyShare()
    idleFor = busy <= IDLE_SHARE ? idleFor + 1 : 0
    if (waited % 30 === 0 && idleFor === 0)
      console.error(`other processes use ${Math.round(busy * 100)} % of this machine; waiting`)
  }
  if (idleFor < IDLE_FOR_SECONDS) console.error(`not idle after ${IDLE_TIMEOUT_SECONDS} s: measuring anyway`)
}
