import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'
import { type Problems, runAsCheck } from './run-as-check.js'
import { SOURCE_CONDITION } from './workspace.js'

/** Packages whose `.` entry runs in browsers: Node's modules are allowed only below their `src/node`. */
const NEUTRAL_PACKAGES = ['core', 'ws', 'http', 'security', 'compression']

/** Those that may import more of ours than core: the CLI wires the tips together. */
const WIRING_PACKAGES = ['mcpwire']

/** The private package with the pieces that tests of several packages use. */
const TEST_SUPPORT = 'test-support'

/** The folders of a package, and those below each that its files may import. A package without an entry has no folders. */
const FOLDERS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  core: linear(
    'contract',
    'messages',
    'timing',
    'transport',
    'layers',
    'listener',
    'requests',
    'relay',
    'memory',
  ),
  http: {
    shared: [],
    headers: ['shared'],
    engines: ['shared'],
    'client/call': ['shared', 'headers', 'engines'],
    client: ['shared', 'headers', 'engines', 'client/call'],
    'server/request': ['shared', 'headers'],
    'server/responses': ['shared', 'headers', 'server/request'],
    'server/sessions': ['shared', 'headers', 'server/request', 'server/responses'],
    'server/stateless': ['shared', 'headers', 'server/request', 'server/responses'],
    server: [
      'shared',
      'headers',
      'server/request',
      'server/responses',
      'server/sessions',
      'server/stateless',
    ],
    hosts: ['shared', 'headers', 'server', 'server/request', 'server/responses'],
  },
}

/** Folders in a row: each may import those before it. */
function linear(...folders: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(folders.map((folder, index) => [folder, folders.slice(0, index)]))
}

/** One rule per folder: no import of a folder of the same package that is not below it. */
function folderRules(): IForbiddenRuleType[] {
  return Object.entries(FOLDERS).flatMap(([name, folders]) =>
    Object.entries(folders).flatMap(([folder, allowed]) => {
      const others = Object.keys(folders).filter((each) => each !== folder && !allowed.includes(each))
      if (others.length === 0) return []
      const inFolder = (each: string) => {
        const nested = Object.keys(folders).filter((other) => other.startsWith(`${each}/`))
        const rest = nested.map((other) => `${other.slice(each.length + 1)}/`).join('|')
        return `^packages/${name}/src/${each}/${rest && `(?!${rest})`}`
      }
      return [
        {
          name: 'folder-order',
          comment: `${folder} of ${name} may import ${allowed.join(', ') || 'no other folder'}`,
          from: { path: inFolder(folder) },
          to: { path: others.map(inFolder) },
        },
      ]
    }),
  )
}

const neutral = NEUTRAL_PACKAGES.join('|')
const wiring = WIRING_PACKAGES.join('|')

const forbidden: IForbiddenRuleType[] = [
  {
    name: 'star',
    comment: 'a published package imports @mcpwire/core and nothing else of ours',
    from: { path: `^packages/(?!(?:${wiring})/)([^/]+)/src/` },
    to: { path: '^packages/', pathNot: '^packages/($1|core)/' },
  },
  {
    name: 'core-imports-none-of-ours',
    comment: 'everything depends on core, so core depends on nothing',
    from: { path: '^packages/core/' },
    to: { path: '^packages/(?!core/)', pathNot: `^packages/${TEST_SUPPORT}/` },
  },
  {
    name: 'test-support-imports-none-of-ours',
    comment: 'tests of every package import test-support, so it imports no package of ours',
    from: { path: `^packages/${TEST_SUPPORT}/` },
    to: { path: `^packages/(?!${TEST_SUPPORT}/)` },
  },
  {
    name: 'test-support-is-for-tests',
    comment: 'test-support is not published',
    from: {
      path: '^packages/[^/]+/(?:src|examples)/',
      pathNot: `^packages/${TEST_SUPPORT}/|/examples/support/`,
    },
    to: { path: `^packages/${TEST_SUPPORT}/` },
  },
  {
    name: 'entry-only',
    comment: 'another package is reached through what it exports',
    from: { path: '^packages/([^/]+)/' },
    to: {
      path: '^packages/[^/]+/',
      pathNot: `^packages/(?:$1/|[^/]+/src/(?:(?:node/)?index|authoring)\\.ts$|${TEST_SUPPORT}/src/[^/]+\\.ts$)`,
    },
  },
  {
    name: 'no-relative-path-to-another-package',
    comment: 'another package is reached by its name',
    from: { path: '^(packages/[^/]+|benchmarks)/' },
    to: { path: '^packages/', pathNot: '^$1/', dependencyTypes: ['local'] },
  },
  {
    name: 'no-cycles',
    comment: 'a cycle means two files that are really one',
    from: { path: '^packages/' },
    to: { circular: true },
  },
  {
    name: 'neutral',
    comment: "Node's modules belong below src/node",
    from: { path: `^packages/(?:${neutral})/src/`, pathNot: '/src/.*\\bnode/' },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'neutral-stays-above-node',
    comment: 'neutral code does not reach into the Node part of its package',
    from: { path: `^packages/(${neutral})/src/`, pathNot: '/src/.*\\bnode/' },
    to: { path: '^packages/[^/]+/src/.*\\bnode/' },
  },
  {
    name: 'sources-need-no-tests',
    comment: 'what is published imports nothing that is not',
    from: { path: '^packages/[^/]+/src/' },
    to: { path: '^packages/[^/]+/(?:test|test-d|examples)/|^tooling/|^benchmarks/' },
  },
  {
    name: 'no-unresolvable',
    comment: 'an import that resolves to nothing',
    from: { path: '^packages/' },
    to: { couldNotResolve: true },
  },
  {
    name: 'declared',
    comment: "a published source imports what its package's dependencies or peers name",
    from: { path: '^packages/[^/]+/src/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
  },
  ...folderRules(),
]

/** Packages form a star around core, without cycles. Neutral code stays free of Node. */
export async function checkDependencies(root: string): Promise<Problems> {
  const folders = ['packages', 'benchmarks'].filter((folder) => existsSync(join(root, folder)))
  if (!folders.some((folder) => readdirSync(join(root, folder)).length > 0)) return []
  const { output } = await cruise(
    folders,
    {
      baseDir: root,
      ruleSet: { forbidden },
      validate: true,
      combinedDependencies: false,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '^packages/[^/]+/dist/' },
      tsPreCompilationDeps: true,
    },
    {
      conditionNames: [SOURCE_CONDITION, 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.d.ts', '.mts', '.js', '.mjs', '.cjs', '.json'],
    },
  )
  return (output as ICruiseResult).summary.violations.map(({ from, to, rule }) => {
    const comment = commentOn(rule.name, from)
    return `${from} → ${to}: ${rule.name} (${comment})`
  })
}

/** Several rules share the name `folder-order`: the one meant is the one whose folder the importing file is in. */
function commentOn(name: string, from: string): string | undefined {
  const named = forbidden.filter((rule) => rule.name === name)
  return named.find(({ from: { path } }) => named.length === 1 || new RegExp(String(path)).test(from))
    ?.comment
}

await runAsCheck(import.meta.url, checkDependencies)
