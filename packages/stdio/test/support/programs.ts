import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the built programs are. */
export const PROGRAMS = fileURLToPath(new URL('../../.cache/programs', import.meta.url))

/** How to run one of `test/programs`. */
export function program(name: string, ...args: readonly string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [join(PROGRAMS, `${name}.mjs`), ...args] }
}

/** How to run a few lines of JavaScript. */
export function script(code: string, ...args: readonly string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: ['-e', code, '--', ...args] }
}
