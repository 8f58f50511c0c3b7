import { expect, test } from 'vitest'
import { type SizeRow, sizeProblems } from '../check-sizes.js'
import { fixture, manifest } from './fixture.js'

const row: SizeRow = {
  name: 'one',
  package: 'core',
  code: "export { one } from '@mcpwire/core'",
  maxBytes: 100,
  mustNotContain: ['node:'],
}

function root(source: string): string {
  return fixture({ ...manifest('core', { sideEffects: false }), 'packages/core/src/index.ts': source })
}

test('measures only the imported code', async () => {
  const source = `export const one = 1\nexport const other = '${'node:'.repeat(1)}'\n`
  expect(await sizeProblems(root(source), [row])).toEqual([])
})

test('finds an import that exceeds its limit', async () => {
  const filler = Array.from({ length: 200 }, (_, index) => Math.sin(index).toString(36)).join('')
  const [problem] = await sizeProblems(root(`export const one = '${filler}'\n`), [row])
  expect(problem).toMatch(/^one: \d+ bytes, more than 100$/)
})

test('finds an unwanted dependency in a bundle', async () => {
  const source = "import { pid } from 'node:process'\nexport const one = pid\n"
  expect(await sizeProblems(root(source), [row])).toEqual(["one: the bundle contains 'node:'"])
})

test('finds a package without a row and a row without a package', async () => {
  const rows = [{ ...row, package: 'gone' }]
  expect(await sizeProblems(root('export const one = 1\n'), rows)).toEqual([
    'packages/core: no row in tooling/sizes.json',
    'one: there is no packages/gone',
  ])
})
