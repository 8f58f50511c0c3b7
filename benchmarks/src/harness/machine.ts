import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cpus, freemem, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The top of this workspace package. */
export const benchmarksRoot: string = fileURLToPath(new URL('../..', import.meta.url))

/** The time, machine and code of a measurement. */
export interface Circumstances {
  readonly date: string
  readonly commit: string
  /** Whether packages or benchmarks differ from that commit. */
  readonly dirty: boolean
  readonly node: string
  readonly machine: Machine
  /** The share of all cores that other processes used in the second before. */
  readonly busyBefore: number
  /** The versions of the other contestants. */
  readonly versions: Readonly<Record<string, string>>
}

interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
  readonly kernel: string
  readonly arch: string
}

/** The commit of a checkout, and whether its packages or benchmarks differ from it. */
export function revisionOf(checkout: string): Pick<Circumstances, 'commit' | 'dirty'> {
  const status = git(
    checkout,
    'status',
    '--porcelain',
    '--',
    'packages',
    'benchmarks',
    ':!benchmarks/results',
  )
  return { commit: git(checkout, 'rev-parse', 'HEAD') ?? 'unknown', dirty: status !== '' }
}

/** The circumstances of a measurement that starts now. Measures the load of the machine for a second. */
export async function circumstances(): Promise<Circumstances> {
  return {
    date: new Date().toISOString(),
    ...revisionOf(ownCheckout),
    node: process.version,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
      kernel: `${type()} ${release()}`,
      arch: process.arch,
    },
    busyBefore: await busyShare(),
    versions: versionsCompared(),
  }
}

/** The share of all cores that other processes use in the next second. */
export async function busyShare(): Promise<number> {
  const before = cpuTimes()
  await sleep(1000)
  const after = cpuTimes()
  const share = 1 - (after.idle - before.idle) / (after.total - before.total)
  return Math.round(share * 100) / 100
}

/** The top of the checkout that this program is in. */
export const ownCheckout: string = join(benchmarksRoot, '..')

/** Identifies what is measured: changes when packages or benchmarks of a checkout are rebuilt from other code. */
export function fingerprintOfBuilds(checkouts: readonly string[] = [ownCheckout]): string {
  const folders = checkouts.flatMap((checkout) => [
    ...readdirSync(join(checkout, 'packages')).map((name) => join(checkout, 'packages', name, 'dist')),
    join(checkout, 'benchmarks/dist'),
  ])
  const hash = createHash('sha256')
  for (const folder of folders.filter((path) => existsSync(path))) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (file.endsWith('.js')) hash.update(file).update(readFileSync(join(folder, file)))
    }
  }
  return hash.digest('hex')
}

function cpuTimes(): { idle: number; total: number } {
  const times = cpus().map((cpu) => cpu.times)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    idle: sum(times.map(({ idle }) => idle)),
    total: sum(times.flatMap((each) => Object.values(each))),
  }
}

function git(cwd: string, ...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd, encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

function versionsCompared(): Record<string, string> {
  const { dependencies = {} } = manifestOf(benchmarksRoot)
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => [
      name,
      manifestOf(`${benchmarksRoot}node_modules/${name}`).version ?? 'unknown',
    ]),
  )
}

function manifestOf(folder: string): { version?: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
}
