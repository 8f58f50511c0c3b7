import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { buildExamples } from './build-programs.js'

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
  const built = fileURLToPath(new URL('../.cache/examples', folder))

  beforeAll(() => buildExamples(folder, built))

  test('every example has an expected output', () => {
    expect(Object.keys(expected).sort()).toEqual(names.sort())
  })

  test.each(Object.entries(expected))(
    'the example %s ends by itself, with the output that is expected',
    async (name, { stdout: texts, stderr: errors = '' }) => {
      const running = run(process.execPath, [join(built, name.replace(/\.ts$/, '.mjs'))])
      running.child.stdin?.end()
      const { stdout, stderr } = await running
      for (const text of texts) expect(stdout).toContain(text)
      expect(stderr).toBe(errors)
    },
  )
}
