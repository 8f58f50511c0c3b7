import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { type Problems, runAsCheck } from './run-as-check.js'
import { publicPackages, SOURCE_CONDITION } from './workspace.js'

/** One thing somebody imports, and the most it may cost. */
export interface SizeRow {
  /** What is measured, for people. */
  readonly name: string
  /** Folder below `packages/` whose dependencies the code sees. */
  readonly package: string
  /** An ES module; what it exports is kept, the rest is shaken off. */
  readonly code: string
  /** Limit after minification and gzip. */
  readonly maxBytes: number
  /** Text that must not be in the bundle: the trace of something that leaked in. */
  readonly mustNotContain: readonly string[]
  /** Modules left out of the bundle. */
  readonly external?: readonly string[]
  /** `node` for parts that only run there; otherwise the bundle must work in a browser. */
  readonly platform?: 'node' | 'neutral'
}

/** Not measured: one runs in test suites, the other is a program. */
const UNMEASURED_PACKAGES = ['compliance', 'mcpwire']

/** What a small import costs stays within its row of `sizes.json`, and brings in nothing that does not belong. */
export async function checkSizes(root: string): Promise<Problems> {
  return sizeProblems(root, JSON.parse(readFileSync(join(root, 'tooling/sizes.json'), 'utf8')) as SizeRow[])
}

/** Problems of the given rows, and of packages without one. */
export async function sizeProblems(root: string, rows: readonly SizeRow[]): Promise<Problems> {
  const unmeasured = publicPackages(root)
    .filter(({ folder }) => !UNMEASURED_PACKAGES.includes(folder))
    .filter(({ folder }) => !rows.some((row) => row.package === folder))
    .map(({ folder }) => `packages/${folder}: no row in tooling/sizes.json`)
  const measured = await Promise.all(rows.map((row) => rowProblems(root, row)))
  return [...unmeasured, ...measured.flat()]
}

async function rowProblems(root: string, row: SizeRow): Promise<string[]> {
  if (!existsSync(join(root, 'packages', row.package)))
    return [`${row.name}: there is no packages/${row.package}`]
  const code = await bundle(root, row)
  const bytes = gzipSync(code, { level: 9 }).byteLength
  if (process.argv.includes('--print')) console.log(`${row.name}: ${bytes} of ${row.maxBytes} bytes`)
  const tooLarge = bytes > row.maxBytes ? [`${row.name}: ${bytes} bytes, more than ${row.maxBytes}`] : []
  const leaked = row.mustNotContain.filter((text) => code.includes(text))
  return [...tooLarge, ...leaked.map((text) => `${row.name}: the bundle contains '${text}'`)]
}

async function bundle(root: string, row: SizeRow): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: row.code, resolveDir: join(root, 'packages', row.package), loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2023',
    platform: row.platform ?? 'neutral',
    conditions: [SOURCE_CONDITION, ...(row.platform === 'node' ? [] : ['browser'])],
    external: ['node:*', ...(row.external ?? [])],
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

await runAsCheck(import.meta.url, checkSizes)
