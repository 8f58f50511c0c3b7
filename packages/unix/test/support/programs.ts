import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The directory of the bundled programs. */
export const PROGRAMS = fileURLToPath(new URL('../../.cache/programs', import.meta.url))

/** A child process that reads and prints lines. */
export interface Running {
  readonly child: ChildProcess
  /** The next line it prints, parsed. */
  readonly nextLine: () => Promise<unknown>
  readonly write: (line: string) => void
  /** Kills it, and waits until it has exited. */
  readonly kill: () => Promise<void>
}

/** Runs one of `test/programs`; killed after the test. */
export function run(name: string, ...args: readonly string[]): Running {
  return runCommand(process.execPath, [join(PROGRAMS, `${name}.mjs`), ...args])
}

/** Runs a command; killed after the test. */
export function runCommand(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(kill)
  return {
    child,
    nextLine: async () => {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${command} ${args.join(' ')} ended without output`)
      return JSON.parse(value) as unknown
    },
    write: (line) => void child.stdin.write(`${line}\n`),
    kill,
  }
}
