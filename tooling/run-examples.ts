import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { repositoryRoot } from './run-as-check.js'
import { publicPackages, SOURCE_CONDITION } from './workspace.js'

const LIMIT_MS = 60_000

/** Runs the examples of the package in the working directory, or at the root those of every package. */
function runExamples(folder: string): number {
  const everywhere = folder === repositoryRoot
  const packages = everywhere ? publicPackages(repositoryRoot).map(({ path }) => path) : [folder]
  const examples = packages.flatMap(examplesOf)
  // A package may have no examples yet; a demonstration without any would show nothing.
  if (everywhere && examples.length === 0) return 1
  return examples.filter((path) => !runs(path)).length === 0 ? 0 : 1
}

function examplesOf(packagePath: string): string[] {
  const folder = join(packagePath, 'examples')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(folder, name))
}

function runs(path: string): boolean {
  console.log(`\n${relative(repositoryRoot, path)}`)
  const { status, signal } = spawnSync(
    process.execPath,
    [`--conditions=${SOURCE_CONDITION}`, '--import', 'tsx', path],
    { stdio: ['ignore', 'inherit', 'inherit'], timeout: LIMIT_MS },
  )
  if (status !== 0) console.error(`${relative(repositoryRoot, path)} ended with ${signal ?? status}`)
  return status === 0
}

process.exitCode = runExamples(process.cwd())
