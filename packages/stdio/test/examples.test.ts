import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const run = promisify(execFile)

test.concurrent.each([
  ['client.ts', 'hello'],
  ['everything.ts', 'SDK 2'],
])('the example %s ends by itself, without a complaint', async (name, shown) => {
  const path = fileURLToPath(new URL(`../examples/${name}`, import.meta.url))
  const { stdout } = await run(process.execPath, ['--conditions=@mcpwire/source', '--import', tsx, path])
  expect(stdout).toContain(shown)
})
