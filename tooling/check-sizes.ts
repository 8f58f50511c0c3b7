import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { type Problems, runAsCheck } from './run-as-check.js'
import { publicPackages, SOURCE_CONDITION } from './workspace.js'

/** An import, and its size limit. */
export interface SizeRow {
  /** The label of the import in reports. */
  readonly name: string
  /** Folder below `packages/` from which the code resolves its imports. */
  readonly package: string
  /** An ES module. The bundle keeps its exports only. */
  readonly code: string
  /** Limit after minification and gzip. */
  readonly maxBytes: number
  /** Text that shows an unwanted dependency when the bundle contains it. */
  readonly mustNotContain: readonly string[]
  /** Modules that the bundle does not include. */
  readonly external?: readonly string[]
  /** `node` for code that runs there only. Other code must run in a browser. */
  readonly platform?: 'node' | 'neutral'
}

/** Not measured: test suites and a program. */
const UNMEASURED_PACKAGES = ['compliance', 'mcpwire']

/** The size of each import is within its limit in `sizes.json`, without unwanted dependencies. */
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
