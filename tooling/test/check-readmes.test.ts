import { expect, test } from 'vitest'
import { checkReadmes } from '../check-readmes.js'
import { fixture, manifest } from './fixture.js'

function check(readme: string): readonly string[] {
  return checkReadmes(fixture({ ...manifest('core'), 'packages/core/README.md': readme }))
}

test('accepts links that resolve and code that is an example', () => {
  expect(
    check('# A core\n\n[up](#a-core) [out](https://example.org)\n\n<!-- example: x.ts -->\n```ts\nx\n```\n'),
  ).toEqual([])
})

test.each([
  ['a README that is too long', 'line\n'.repeat(151), 'packages/core/README.md: 151 lines, more than 150'],
  ['a dead link', '\n[x](gone.md)\n', 'packages/core/README.md:2: link to gone.md, which does not exist'],
  ['a dead anchor', '[x](#gone)\n', 'packages/core/README.md:1: no heading #gone in #gone'],
  [
    'code that is no example',
    'So:\n\n```ts\nx\n```\n',
    'packages/core/README.md:2: TypeScript without an example marker above it',
  ],
])('finds %s', (_what, readme, problem) => {
  expect(check(readme)).toEqual([problem])
})

test.each([
  ['[x](examples/a.ts)', ['dist', 'examples'], []],
  ['[x](examples/a.ts)', ['dist', 'examples/*.ts'], []],
  ['[x](#x)\n# x\n', ['dist'], []],
  ['[x](examples/a.ts)', ['dist'], ['examples/a.ts']],
  ['[x](examples/a.ts)', ['examples', '!examples/a.ts'], ['examples/a.ts']],
  ['[x](../../docs/x.md)', ['dist'], ['../../docs/x.md']],
])('checks the link %s against the files %j', (readme, files, missing) => {
  const root = fixture({
    ...manifest('core', { files }),
    'packages/core/README.md': readme,
    'packages/core/examples/a.ts': '',
    'docs/x.md': '',
  })
  const problems = missing.map(
    (target) => `packages/core/README.md:1: link to ${target}, which is not in the tarball`,
  )
  expect(checkReadmes(root)).toEqual(problems)
})

const HOSTED = 'https://example.org/x/blob/main'

test.each([
  [
    'a README that does not link to its page of options',
    '# core\n',
    ['packages/core/README.md: no link to docs/reference/core.md'],
  ],
  ['no fault in a link to that page', `[options](${HOSTED}/docs/reference/core.md#options)\n`, []],
  [
    'a hosted link to a file that does not exist',
    `[options](${HOSTED}/docs/reference/core.md) [x](${HOSTED}/docs/gone.md)\n`,
    [`packages/core/README.md:1: link to ${HOSTED}/docs/gone.md, which does not exist`],
  ],
])('finds %s', (_what, readme, problems) => {
  const root = fixture({
    ...manifest('core', { repository: { url: 'git+https://example.org/x.git' } }),
    'packages/core/README.md': readme,
    'docs/reference/core.md': '# Options\n',
  })
  expect(checkReadmes(root)).toEqual(problems)
})

test.each(['docs/guides/express.md', 'docs/reference/core.md'])(
  'finds dead links and untested code in %s',
  (path) => {
    expect(checkReadmes(fixture({ [path]: 'A [x](gone.md)\n\n```ts\nx\n```\n' }))).toEqual([
      `${path}:1: link to gone.md, which does not exist`,
      `${path}:2: TypeScript without an example marker above it`,
    ])
  },
)

test('finds a package without a README', () => {
  expect(checkReadmes(fixture(manifest('core')))).toEqual(['packages/core/README.md: missing'])
})
