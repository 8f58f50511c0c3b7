import { expect, test } from 'vitest'
import { checkDependencies } from '../check-dependencies.js'
import { fixture, link, manifest } from './fixture.js'

const empty = 'export {}\n'
const dependsOnCore = { dependencies: { '@mcpwire/core': '*' } }
const dependsOnTcp = { dependencies: { '@mcpwire/tcp': '*' } }

async function check(files: Readonly<Record<string, string>>): Promise<string[]> {
  const root = fixture({
    ...manifest('core'),
    ...manifest('tcp', dependsOnCore),
    ...manifest('unix', { dependencies: { ...dependsOnCore.dependencies, ...dependsOnTcp.dependencies } }),
    'packages/core/src/index.ts': empty,
    'packages/tcp/src/index.ts': empty,
    'packages/unix/src/index.ts': empty,
    'packages/test-support/package.json': JSON.stringify({
      name: '@mcpwire/test-support',
      private: true,
      type: 'module',
      exports: { './*': './src/*.ts' },
      dependencies: dependsOnTcp.dependencies,
    }),
    'packages/test-support/src/fake-clock.ts': empty,
    ...files,
  })
  link(root, 'tcp', 'core')
  link(root, 'unix', 'core')
  link(root, 'unix', 'tcp')
  link(root, 'core', 'tcp')
  for (const folder of ['core', 'tcp']) link(root, folder, 'test-support')
  link(root, 'test-support', 'tcp')
  return (await checkDependencies(root)).map((problem) => /: ([a-z-]+) \(/.exec(problem)?.[1] ?? problem)
}

test('accepts a package that imports core', async () => {
  expect(await check({ 'packages/tcp/src/a.ts': "import '@mcpwire/core'\n" })).toEqual([])
})

test.each<[rule: string, path: string, code: string]>([
  ['star', 'packages/unix/src/a.ts', "import '@mcpwire/tcp'\n"],
  ['core-imports-none-of-ours', 'packages/core/test/a.ts', "import '@mcpwire/tcp'\n"],
  ['entry-only', 'packages/tcp/test/a.ts', "import '../../core/src/other.js'\n"],
  ['no-relative-path-to-another-package', 'packages/tcp/test/a.ts', "import '../../core/src/index.js'\n"],
  ['neutral', 'packages/core/src/a.ts', "import 'node:net'\n"],
  ['neutral', 'packages/core/src/a.ts', "import 'fs'\n"],
  ['neutral-stays-above-node', 'packages/core/src/a.ts', "import './node/other.js'\n"],
  ['sources-need-no-tests', 'packages/tcp/src/a.ts', "import '../test/other.js'\n"],
  ['folder-order', 'packages/core/src/contract/a.ts', "import '../listener/other.js'\n"],
  ['folder-order', 'packages/core/src/timing/a.ts', "import '../transport/other.js'\n"],
  ['folder-order', 'packages/http/src/server/sessions/a.ts', "import '../stateless/other.js'\n"],
  ['folder-order', 'packages/http/src/client/call/a.ts', "import '../other.js'\n"],
  ['folder-order', 'packages/http/src/server/request/a.ts', "import '../router.js'\n"],
  ['test-support-imports-none-of-ours', 'packages/test-support/src/a.ts', "import '@mcpwire/tcp'\n"],
  ['test-support-is-for-tests', 'packages/tcp/src/a.ts', "import '@mcpwire/test-support/fake-clock'\n"],
  ['test-support-is-for-tests', 'packages/tcp/examples/a.ts', "import '@mcpwire/test-support/fake-clock'\n"],
  ['no-unresolvable', 'packages/tcp/src/a.ts', "import 'nowhere'\n"],
  ['no-cycles', 'packages/tcp/src/a.ts', "import './a.js'\n"],
])('reports %s in %s', async (rule, path, code) => {
  const others = {
    'packages/core/src/other.ts': empty,
    'packages/core/src/node/other.ts': empty,
    'packages/tcp/test/other.ts': empty,
    'packages/core/src/listener/other.ts': empty,
    'packages/core/src/transport/other.ts': empty,
    'packages/http/src/server/stateless/other.ts': empty,
    'packages/http/src/server/router.ts': empty,
    'packages/http/src/client/other.ts': empty,
  }
  expect(await check({ ...others, [path]: code })).toContain(rule)
})

test('accepts test-support in tests of every package, and in support of examples', async () => {
  const code = "import '@mcpwire/test-support/fake-clock'\n"
  const users = {
    'packages/core/test/a.test.ts': code,
    'packages/tcp/test/a.test.ts': code,
    'packages/tcp/examples/support/a.ts': code,
  }
  expect(await check(users)).toEqual([])
})

test('accepts imports of the folders below', async () => {
  const below = {
    'packages/core/src/contract/other.ts': empty,
    'packages/core/src/relay/a.ts': "import '../contract/other.js'\n",
    'packages/http/src/client/call/other.ts': empty,
    'packages/http/src/client/a.ts': "import './call/other.js'\n",
  }
  expect(await check(below)).toEqual([])
})

test('accepts modules of Node in the Node part of a neutral package', async () => {
  expect(await check({ 'packages/core/src/node/a.ts': "import 'node:net'\n" })).toEqual([])
})
