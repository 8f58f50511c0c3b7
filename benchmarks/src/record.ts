// Renews everything that is committed: measures every suite and soak, then draws the charts and the page.
// Waits until the machine is quiet unless given --now; hands other options on to `bench`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { busyShare, circumstances } from './harness/machine.js'

const QUIET_SHARE = 0.05
const QUIET_FOR_SECONDS = 5
const PATIENCE_SECONDS = 600

const options = process.argv.slice(2).filter((argument) => argument !== '--now')
if (!process.argv.includes('--now')) await waitForQuiet()
const { dirty } = await circumstances()
if (dirty) console.error('sources differ from the last commit; the results will say so')

const steps = [
  ['run.js', 'all', '--save', ...options],
  ['soak.js', '--save'],
  ['report.js'],
  ['check-targets.js'],
] as const
for (const [script, ...args] of steps) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const { status } = spawnSync(process.execPath, [path, ...args], { stdio: 'inherit' })
  // What one step could not do keeps the next from nothing.
  if (status !== 0) process.exitCode = 1
}

/** Waits until others have left the machine alone for a while, but not for ever. */
async function waitForQuiet(): Promise<void> {
  let quietFor = 0
  for (let waited = 0; waited < PATIENCE_SECONDS && quietFor < QUIET_FOR_SECONDS; waited++) {
    const busy = await busyShare()
    quietFor = busy <= QUIET_SHARE ? quietFor + 1 : 0
    if (waited % 30 === 0 && quietFor === 0)
      console.error(`others use ${Math.round(busy * 100)} % of this machine; waiting for quiet`)
  }
  if (quietFor < QUIET_FOR_SECONDS)
    console.error(`not quiet after ${PATIENCE_SECONDS} s; measuring all the same`)
}
