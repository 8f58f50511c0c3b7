import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const run = promisify(execFile)

test.concurrent.each([
  ['first.ts', ["text: 'hello'"]],
  ['token.ts', ['hello, Ada', 'a token is required']],
])('the example %s ends by itself, without a complaint', async (name, shown) => {
  const path = fileURLToPath(new URL(`../examples/${name}`, import.meta.url))
  const { stdout, stderr } = await run(process.execPath, [
    '--conditions=@mcpwire/source',
    '--import',
    tsx,
    path,
  ])
  for (const each of shown) expect(stdout).toContain(each)
  expect(stderr).toBe('')
})
