import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, promisify } from 'node:util'
import { expect, test, vi } from 'vitest'

const LIMIT_MS = 60_000

const run = promisify(execFile)

/** What a program prints, and whether it needs a process of its own because it uses standard input or output. */
export interface Program {
  readonly prints: readonly string[]
  readonly process?: true
}

/** Runs each program of the folder and compares what it prints with texts that must be part of it. */
export function runPrograms(folder: URL, programs: Readonly<Record<string, Program>>): void {
  test('every program of the folder has a test', () => {
    expect(Object.keys(programs).sort()).toEqual(readdirSync(folder).sort())
  })

  test.each(Object.entries(programs))(
    'the program %s ends and prints its result',
    async (name, program) => {
      const path = fileURLToPath(new URL(name, folder))
      const printed = program.process ? await printedByProcess(path) : await printedByImport(path)
      for (const text of program.prints) expect(printed).toContain(text)
    },
    LIMIT_MS,
  )
}

async function printedByProcess(path: string): Promise<string> {
  const running = run(process.execPath, ['--conditions=@mcpwire/source', '--import', 'tsx', path])
  running.child.stdin?.end()
  const { stdout, stderr } = await running
  expect(stderr).toBe('')
  return stdout
}

/** Quicker than a process: the SDKs are loaded once for all programs. */
async function printedByImport(path: string): Promise<string> {
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...values) => void lines.push(format(...values)))
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  try {
    await import(/* @vite-ignore */ path)
    expect(error).not.toHaveBeenCalled()
  } finally {
    log.mockRestore()
    error.mockRestore()
  }
  return lines.join('\n')
}
