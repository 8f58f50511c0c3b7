import { buildPrograms } from '@mcpwire/test-support/build-programs'
import { PROGRAMS } from './programs.js'

/** Bundles the programs that tests run as child processes. */
export async function setup(): Promise<void> {
  // CommonJS that calls `require` for modules of Node, found from the built programs.
  await buildPrograms(new URL('../programs/', import.meta.url), PROGRAMS, ['cross-spawn'])
}
