import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** Where the built programs are. */
export const PROGRAMS = fileURLToPath(new URL('../../.cache/programs', import.meta.url))

/** A program that runs as a child, and answers lines with lines. */
export interface Running {
  readonly child: ChildProcess
  /** The next line it prints, parsed. */
  readonly heard: () => Promise<unknown>
  readonly say: (line: string) => void
  /** Kills it, as by a crash, and waits until it is gone. */
  readonly crash: () => Promise<void>
}

/** Runs one of `test/programs` until the test has finished. */
export function run(name: string, ...args: readonly string[]): Running {
  return runCommand(process.execPath, [join(PROGRAMS, `${name}.mjs`), ...args])
}

/** Runs a command until the test has finished. */
export function runCommand(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const crash = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(crash)
  return {
    child,
    heard: async () => {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${command} ${args.join(' ')} ended without a word`)
      return JSON.parse(value) as unknown
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    crash,
  }
}
