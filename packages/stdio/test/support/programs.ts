import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the compiled programs. */
export const PROGRAMS = fileURLToPath(new URL('../../.cache/programs', import.meta.url))

/** The command for one of `test/programs`. */
export function program(name: string, ...args: readonly string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [join(PROGRAMS, `${name}.mjs`), ...args] }
}

/** The command for a few lines of JavaScript. */
export function script(code: string, ...args: readonly string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: ['-e', code, '--', ...args] }
}
