import { expect, test } from 'vitest'
import { checkPackages } from '../check-packages.js'
import { fixture } from './fixture.js'

const files = {
  'packages/core/dist/index.js': 'export const one = 1\n',
  'packages/core/dist/index.d.ts': 'export declare const one: number\n',
  'packages/core/README.md': '# core\n',
  'packages/core/LICENSE': 'MIT\n',
}

function manifest(types: string, published = ['dist']): Record<string, string> {
  const target = { types, default: './dist/index.js' }
  const text = JSON.stringify({
    name: '@mcpwire/core',
    version: '0.1.0',
    license: 'MIT',
    type: 'module',
    files: published,
    exports: { '.': { '@mcpwire/source': './src/index.ts', ...target } },
    publishConfig: { exports: { '.': target } },
  })
  return { 'packages/core/package.json': text }
}

test('accepts a package whose tarball matches its manifest', async () => {
  expect(await checkPackages(fixture({ ...files, ...manifest('./dist/index.d.ts') }))).toEqual([])
})

test('finds missing types, missing files and unwanted files', async () => {
  const { 'packages/core/README.md': _, ...rest } = files
  const root = fixture({
    ...rest,
    ...manifest('./dist/gone.d.ts', ['dist', 'test']),
    'packages/core/test/a.test.js': '\n',
  })
  const problems = (await checkPackages(root)).join('\n')
  expect(problems).toContain('@mcpwire/core: the tarball has no package/README.md')
  expect(problems).toContain('@mcpwire/core: the tarball has package/test/a.test.js')
  expect(problems).toContain('./dist/gone.d.ts but the file does not exist')
  expect(problems).toContain('Used fallback condition')
})
