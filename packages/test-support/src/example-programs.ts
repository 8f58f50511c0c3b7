import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const LIMIT_MS = 60_000

const run = promisify(execFile)

/** The output of a program. */
interface Output {
  /** Texts in its standard output. */
  readonly stdout: readonly string[]
  /** All of its standard error. Without it, nothing. */
  readonly stderr?: string
}

/** Runs each program of the folder without input: it ends by itself, with that output. */
export function testExamples(folder: URL, expected: Readonly<Record<string, Output>>): void {
  const names = readdirSync(folder).filter((name) => /^[^.]+\.ts$/.test(name))

  test('every example has an expected output', () => {
    expect(Object.keys(expected).sort()).toEqual(names.sort())
  })

  test.each(Object.entries(expected))(
    'the example %s ends by itself, with the output that is expected',
    async (name, { stdout: texts, stderr: errors = '' }) => {
      const path = fileURLToPath(new URL(name, folder))
      const running = run(process.execPath, ['--conditions=@mcpwire/source', '--import', 'tsx', path])
      running.child.stdin?.end()
      const { stdout, stderr } = await running
      for (const text of texts) expect(stdout).toContain(text)
      expect(stderr).toBe(errors)
    },
    LIMIT_MS,
  )
}
