import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { SOURCE_CONDITION } from './workspace.js'

const LIMIT_MS = 60_000

const run = promisify(execFile)

/** Texts that a program writes to its standard output, and all that it writes to its standard error. */
interface Expected {
  readonly said: readonly string[]
  readonly complained?: string
}

/** Runs each program of the folder without any input: it ends by itself, and says what is expected. */
export function testExamples(folder: URL, expected: Readonly<Record<string, Expected>>): void {
  const names = readdirSync(folder).filter((name) => /^[^.]+\.ts$/.test(name))

  test('every example is run', () => {
    expect(Object.keys(expected).sort()).toEqual(names.sort())
  })

  test.each(Object.entries(expected))(
    'the example %s ends by itself, and says what it should',
    async (name, { said, complained = '' }) => {
      const path = fileURLToPath(new URL(name, folder))
      const running = run(process.execPath, [`--conditions=${SOURCE_CONDITION}`, '--import', 'tsx', path])
      running.child.stdin?.end()
      const { stdout, stderr } = await running
      for (const text of said) expect(stdout).toContain(text)
      expect(stderr).toBe(complained)
    },
    LIMIT_MS,
  )
}
