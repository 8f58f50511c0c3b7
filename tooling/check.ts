import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, SKIPPED_EXIT_CODE } from './run-as-check.js'
import { type CommandResult, runCommand } from './run-command.js'
import { SOURCE_CONDITION } from './workspace.js'

interface Step {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

type Outcome = 'passed' | 'failed' | 'skipped'

const CONCURRENCY = 2

const build = step('build and types', 'pnpm', 'run', 'build')

/** Skipped when the build fails. Slow steps come first, so that both workers end at about the same time. */
const builtSteps: readonly Step[] = [
  script('packed exports', 'check-packages.ts'),
  script('newest SDK types', 'check-newest-sdk-types.ts'),
  script('public API report', 'check-api.ts'),
]

const sourceSteps: readonly Step[] = [
  step('unused code and dependencies', 'knip'),
  script('dependency rules', 'check-dependencies.ts'),
  step('format and lint', 'biome', 'check', '--error-on-warnings', '.'),
  step('promises', 'oxlint', '--type-aware', '--deny-warnings', 'packages', 'tooling', 'benchmarks'),
  script('source rules', 'check-sources.ts'),
  script('sizes', 'check-sizes.ts'),
  script('doc comments', 'check-exports.ts'),
  step(
    'defaults',
    process.execPath,
    `--conditions=${SOURCE_CONDITION}`,
    '--import',
    'tsx',
    'tooling/check-defaults.ts',
  ),
  script('generated docs', 'generate.ts', '--check'),
  script('readmes and links', 'check-readmes.ts'),
  script('prose', 'check-prose.ts'),
  script('clauses', 'check-clauses.ts'),
  script('requirements', 'check-requirements.ts'),
]

function step(name: string, command: string, ...args: string[]): Step {
  return { name, command, args }
}

function script(name: string, file: string, ...args: string[]): Step {
  return step(name, process.execPath, '--import', 'tsx', join(repositoryRoot, 'tooling', file), ...args)
}

async function perform({ name, command, args }: Step): Promise<Outcome> {
  const started = performance.now()
  const result = await runCommand(command, args, repositoryRoot)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const outcome = outcomeOf(result)
  console.log(`${outcome.padEnd(8)}${name} (${seconds} s)`)
  if (outcome !== 'passed') console.log(result.output.trimEnd().replace(/^/gm, '    '))
  return outcome
}

function outcomeOf({ exitCode }: CommandResult): Outcome {
  if (exitCode === 0) return 'passed'
  return exitCode === SKIPPED_EXIT_CODE ? 'skipped' : 'failed'
}

async function performAll(): Promise<Outcome[]> {
  const outcomes = [await perform(build)]
  const waiting = outcomes[0] === 'passed' ? [...builtSteps, ...sourceSteps] : [...sourceSteps]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      outcomes.push(await perform(next))
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return outcomes
}

const outcomes = await performAll()
const count = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length
const summary = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
mkdirSync(join(repositoryRoot, '.results'), { recursive: true })
writeFileSync(join(repositoryRoot, '.results/checks.json'), `${JSON.stringify(summary)}\n`)
console.log(`${summary.passed} checks passed, ${summary.failed} failed, ${summary.skipped} skipped`)
if (summary.failed > 0) process.exitCode = 1
