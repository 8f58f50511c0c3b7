import { expect, test } from 'vitest'
import { checkExports } from '../check-exports.js'
import { checkSources } from '../check-sources.js'
import { fixture, manifest } from './fixture.js'

function check(files: Readonly<Record<string, string>>): readonly string[] {
  return checkSources(fixture({ ...manifest('core'), ...files }))
}

test.each([
  'setTimeout(() => {}, 1)',
  'globalThis.setInterval(() => {}, 1)',
  'const later = setImmediate',
  'Date.now()',
  'new Date()',
  'performance.now()',
  'Math.random()',
  'AbortSignal.timeout(1)',
])('finds %s', (code) => {
  expect(check({ 'packages/core/src/a.ts': `export {}\n${code}\n` })).toHaveLength(1)
})

test.each(['new Date(0)', 'clock.setTimeout()', 'const x = { setTimeout: 1 }', '// setTimeout'])(
  'accepts %s',
  (code) => {
    expect(check({ 'packages/core/src/a.ts': `export {}\n${code}\n` })).toEqual([])
  },
)

test('accepts time and randomness in clock.ts', () => {
  expect(check({ 'packages/core/src/contract/clock.ts': 'export const now = () => Date.now()\n' })).toEqual(
    [],
  )
})

test.each(['packages/core/src/a.ts', 'packages/core/test/a.test.ts'])(
  'finds more than 400 lines in %s',
  (path) => {
    expect(check({ [path]: 'export {}\n'.repeat(401) })).toEqual([`${path}: 401 lines, more than 400`])
    expect(check({ [path]: 'export {}\n'.repeat(400) })).toEqual([])
  },
)

test('finds an export without a doc comment, also behind a re-export', () => {
  const root = fixture({
    ...manifest('core'),
    'packages/core/src/index.ts': "export { documented, bare } from './a.js'\n",
    'packages/core/src/a.ts': '/** Documented. */\nexport const documented = 1\nexport const bare = 2\n',
  })
  expect(checkExports(root)).toEqual(["@mcpwire/core: export 'bare' has no doc comment"])
})
