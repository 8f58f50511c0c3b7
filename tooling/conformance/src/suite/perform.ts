import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readResults } from './checks.js'
import type { Run } from './plan.js'
import { finish, type Started, startNode, stop } from './processes.js'
import { judge, type Verdict } from './verdict.js'

const START_LIMIT_MS = 15_000

const suite = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/dist/index.js')
const loader = new URL('loader.js', import.meta.url).href

/** A fixture server that listens. */
export interface Fixture {
  readonly url: string
  readonly stop: () => void
}

/** Starts the server of one SDK, on a port the system gives it, and waits until it answers. */
export async function startServer(sdk: Run['sdk']): Promise<Fixture> {
  const started = startNode([program(`../servers/serve-${sdk}.js`)])
  const deadline = Date.now() + START_LIMIT_MS
  while (Date.now() < deadline && started.child.exitCode === null) {
    const url = /^http:\S+$/m.exec(started.output())?.[0]
    if (url !== undefined && (await answers(url))) return { url, stop: () => stop(started) }
    await sleep(50)
  }
  stop(started)
  throw new Error(`the ${sdk} server did not start:\n${started.output()}`)
}

/** Runs the suite once, against a server or against a client, and judges what it wrote below `folder`. */
export async function perform(run: Run, url: string | undefined, folder: string): Promise<Verdict> {
  mkdirSync(folder, { recursive: true })
  const target = url === undefined ? ['--command', clientCommand(run.sdk)] : ['--url', url]
  const started: Started = startNode([
    '--import',
    loader,
    suite,
    run.side,
    ...target,
    ...run.selection,
    '-o',
    folder,
  ])
  const inTime = await finish(started, run.limitMs)
  const verdict = judge(run, readResults(folder), !inTime)
  if (verdict.passed > 0) return verdict
  return { ...verdict, problems: [...verdict.problems, ...started.output().trim().split('\n').slice(-20)] }
}

/** The suite hands this to a shell, after it split it at blanks; `exec` leaves no shell that a kill would hit. */
function clientCommand(sdk: Run['sdk']): string {
  return `exec ${process.execPath} ${program(`../clients/play-${sdk}.js`)}`
}

function program(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { method: 'OPTIONS', signal: AbortSignal.timeout(1_000) })
    return true
  } catch {
    return false
  }
}

/** Where the suite writes what it found in a run. */
export function folderOf(root: string, index: number, { side, sdk }: Run): string {
  return join(root, `${String(index + 1).padStart(2, '0')}-${side}-${sdk}`)
}
