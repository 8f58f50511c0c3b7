import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = new URL('..', import.meta.url)
const run = promisify(execFile)

/** The module that `#engine` resolves to, without the folder of the package. */
async function engineWith(...conditions: string[]): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    [
      ...conditions.map((each) => `--conditions=${each}`),
      '--input-type=module',
      '-e',
      "console.log(import.meta.resolve('#engine'))",
    ],
    { cwd: folder, env: {} },
  )
  return stdout.trim().replace(folder.href, '')
}

test.each([
  [[], 'node'],
  [['browser'], 'node'],
  [['bun'], 'fetch'],
  [['deno'], 'fetch'],
  [['workerd'], 'fetch'],
  [['worker', 'workerd'], 'fetch'],
])('resolves the engine with the conditions %j to that of %s', async (conditions, engine) => {
  expect(await engineWith(...conditions)).toBe(`dist/engines/${engine}/engine.js`)
  expect(await engineWith(...conditions, '@mcpwire/source')).toBe(`src/engines/${engine}/engine.ts`)
})

test('publishes the same conditions in the same order', () => {
  const { imports, publishConfig } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))
  const published = Object.keys(publishConfig.imports['#engine'])
  const here = Object.keys(imports['#engine']).filter(
    (each) => each !== 'types' && each !== '@mcpwire/source',
  )
  expect(published).toEqual(here)
  expect(published.indexOf('node')).toBeGreaterThan(published.indexOf('workerd'))
})
