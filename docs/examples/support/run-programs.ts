import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, promisify } from 'node:util'
import { buildExamples } from '@mcpwire/test-support/build-programs'
import { beforeAll, expect, test, vi } from 'vitest'

const run = promisify(execFile)

/** What a program prints, and whether it needs a process of its own because it uses standard input or output. */
export interface Program {
  readonly prints: readonly string[]
  readonly process?: true
}

/** Runs each program of the folder and compares what it prints with texts that must be part of it. */
export function runPrograms(folder: URL, programs: Readonly<Record<string, Program>>): void {
  const built = fileURLToPath(new URL(`../.cache/${basename(folder.pathname)}`, folder))

  beforeAll(() => buildExamples(folder, built))

  test('every program of the folder has a test', () => {
    expect(Object.keys(programs).sort()).toEqual(readdirSync(folder).sort())
  })

  test.each(Object.entries(programs))('the program %s ends and prints its result', async (name, program) => {
    const printed = program.process
      ? await printedByProcess(join(built, name.replace(/\.ts$/, '.mjs')))
      : await printedByImport(fileURLToPath(new URL(name, folder)))
    for (const text of program.prints) expect(printed).toContain(text)
  })
}

async function printedByProcess(path: string): Promise<string> {
  const running = run(process.execPath, [path])
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
