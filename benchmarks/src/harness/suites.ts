import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Suite } from './suite.js'

// The folder of the sources: a build keeps the output of a file that was removed.
const folder = fileURLToPath(new URL('../../src/suites', import.meta.url))

/** The names of all suites: one per file in `src/suites`. */
export function suiteNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
    .sort()
}

/** The suite of that name, which its file exports as `suite`. */
export async function loadSuite(name: string): Promise<Suite> {
  if (!existsSync(`${folder}/${name}.ts`))
    throw new Error(`no suite ${name}; there are ${suiteNames().join(', ')}`)
  const { suite } = (await import(`../suites/${name}.js`)) as { suite: Suite }
  if (suite.name !== name) throw new Error(`suites/${name}.ts exports a suite named ${suite.name}`)
  return suite
}
