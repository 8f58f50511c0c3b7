import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { withoutGlobSync } from '../src/suite/glob-sync.js'

test('drops the import and keeps the others beside it', () => {
  const source = "import{existsSync as i,globSync as a,readFileSync as c}from'fs';a('*')"

  const result = withoutGlobSync(source)

  expect(result).toContain("import{existsSync as i,readFileSync as c}from'fs'")
  expect(result).toMatch(/function a\(\) \{ throw/)
})

test.each([
  ['alone', "import { globSync } from 'fs'"],
  ['last', "import { readFileSync, globSync } from 'node:fs'"],
  ['first', 'import { globSync, readFileSync } from "node:fs"'],
])('stands in under its own name where it is imported %s', (_where, source) => {
  const result = withoutGlobSync(source)

  expect(result.split('\n')[0]).not.toContain('globSync')
  expect(result).toMatch(/function globSync\(\) \{ throw/)
})

test('leaves other sources as they are', () => {
  const source = "import { readFileSync } from 'fs'\nconst globSync = 1"

  expect(withoutGlobSync(source)).toBe(source)
})

test('finds the import in the installed suite', () => {
  const suite = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/dist/index.js')
  const source = readFileSync(suite, 'utf8')

  expect(withoutGlobSync(source)).not.toBe(source)
})
