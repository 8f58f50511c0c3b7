import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { repositoryRoot } from './run-as-check.js'
import { SOURCE_CONDITION } from './workspace.js'

const LIMIT_MS = 60_000

function examplesOf(packagePath: string): string[] {
  const folder = join(packagePath, 'examples')
  if (!existsSync(folder)) return []
  return (
    readdirSync(folder)
      // Suites run under vitest, where somebody wants them.
      .filter((name) => name.endsWith('.ts') && !/\.(test|compliance)\.ts$/.test(name))
      .sort()
      .map((name) => join(folder, name))
  )
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

// Those of the package in the working directory, which may have none yet.
const failed = examplesOf(process.cwd()).filter((path) => !runs(path))
if (failed.length > 0) process.exitCode = 1
