import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readResults } from './checks.js'
import type { Run } from './plan.js'
import { finish, startNode, stop } from './processes.js'
import { judge, type Verdict } from './verdict.js'

const START_LIMIT_MS = 15_000

/** For one client. The suite starts all clients of a selection at once, which is slow on a busy machine. */
const CLIENT_LIMIT_MS = 60_000

const suite = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'))
const loader = new URL('loader.js', import.meta.url).href

/** The subject of a run: a server that listens, or a host that runs clients. */
export interface Fixture {
  /** The arguments for the suite that name it. */
  readonly target: readonly string[]
  readonly stop: () => void
}

/** Starts the server of one SDK, or the host of its clients, and waits until it is ready. */
export async function startFixture({ side, sdk }: Run): Promise<Fixture> {
  const started = startNode([
    program(side === 'server' ? `servers/serve-${sdk}.js` : `clients/host-${sdk}.js`),
  ])
  const deadline = Date.now() + START_LIMIT_MS
  while (Date.now() < deadline && started.child.exitCode === null) {
    // Both print their address once they listen.
    const where = /^(?:http:\S+|\d+)$/m.exec(started.output())?.[0]
    if (where !== undefined) return { target: targetOf(side, where), stop: () => stop(started) }
    await sleep(20)
  }
  stop(started)
  throw new Error(`the ${side} of ${sdk} did not start:\n${started.output()}`)
}

/** Runs the suite once and evaluates its results below `folder`. */
export async function perform(run: Run, { target }: Fixture, folder: string): Promise<Verdict> {
  mkdirSync(folder, { recursive: true })
  const started = startNode([
    '--import',
    loader,
    suite,
    run.side,
    ...target,
    ...run.selection,
    '--output-dir',
    folder,
  ])
  const inTime = await finish(started, run.limitMs)
  const verdict = judge(run, readResults(folder), !inTime)
  if (verdict.passed > 0) return verdict
  return { ...verdict, problems: [...verdict.problems, ...started.output().trim().split('\n').slice(-20)] }
}

/** The suite splits the command at blanks and passes it to a shell. With `exec` a kill reaches Node, not the shell. */
function targetOf(side: Run['side'], where: string): string[] {
  if (side === 'server') return ['--url', where]
  const command = `exec ${process.execPath} ${program('clients/ask.js')} ${where}`
  return ['--command', command, '--timeout', String(CLIENT_LIMIT_MS)]
}

function program(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}

/** The folder for the results of a run. */
export function folderOf(root: string, index: number, { side, sdk }: Run): string {
  return join(root, `${String(index + 1).padStart(2, '0')}-${side}-${sdk}`)
}
