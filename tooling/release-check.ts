import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { checkOutsideTransport } from './check-outside-transport.js'
import { pack } from './pack.js'
import { type Problems, runAsCheck } from './run-as-check.js'
import { mustRun, runCommand } from './run-command.js'
import { publicPackages, readManifest, type WorkspacePackage } from './workspace.js'

const SCOPE = '@mcpwire/'
const CORE = '@mcpwire/core'

/** The package that depends on the other ones. */
const CLI = 'mcpwire'

const INSTALL = ['install', '--no-audit', '--no-fund', '--no-package-lock']

/**
 * Each package installs from its tarball with plain npm, can be imported, and runs the first example of its README.
 * A transport written outside the workspace passes the compliance suite.
 */
export async function releaseCheck(root: string): Promise<Problems> {
  const folder = await mkdtemp(join(tmpdir(), 'mcpwire-release-'))
  try {
    const tarballs = new Map<string, string>()
    for (const workspacePackage of publicPackages(root)) {
      tarballs.set(workspacePackage.manifest.name, await pack(workspacePackage, folder))
    }
    const problems: string[] = []
    for (const workspacePackage of publicPackages(root)) {
      const found = await tryOut(workspacePackage, tarballs, join(folder, workspacePackage.folder), root)
      problems.push(...found.map((problem) => `${workspacePackage.manifest.name}: ${problem}`))
      if (found.length === 0) console.log(`${workspacePackage.manifest.name} installs, imports and runs`)
    }
    problems.push(...(await checkOutsideTransport(root)))
    return problems
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function tryOut(
  { manifest, path }: WorkspacePackage,
  tarballs: ReadonlyMap<string, string>,
  folder: string,
  root: string,
): Promise<string[]> {
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const ours = [manifest.name, ...namesOf(manifest.dependencies).filter((name) => name.startsWith(SCOPE))]
  const packed = ours.flatMap((name) => tarballs.get(name) ?? [])
  await mustRun('npm', [...INSTALL, '--omit=peer', ...packed], folder)
  const expected = manifest.name === CLI ? ours : [manifest.name, CORE]
  const installed = await installationProblems(folder, expected)

  const example = firstExample(path)
  if (example === undefined) return [...installed, 'its README has no TypeScript example']
  const { code } = await transform(example, { loader: 'ts', format: 'esm', target: 'es2023' })
  const isSuite = manifest.peerDependencies?.['vitest'] !== undefined
  await writeFile(join(folder, isSuite ? 'example.test.js' : 'example.js'), code)
  const others = [...importedBy(code), ...namesOf(manifest.peerDependencies)].filter(
    (name) => !existsSync(join(folder, 'node_modules', name)),
  )
  if (others.length > 0) {
    const wanted = others.map((name) => tarballs.get(name) ?? `${name}@${pinnedVersion(root, name)}`)
    await mustRun('npm', [...INSTALL, ...wanted], folder)
  }
  return [
    ...installed,
    ...(await importProblems(folder, manifest)),
    ...(await requireProblems(folder, manifest)),
    ...(await typeProblems(folder, manifest, root)),
    ...(await runExample(folder, isSuite)),
  ]
}

/** Installing one package installs core and the dependencies of both, and no other package of ours. */
async function installationProblems(folder: string, ours: readonly string[]): Promise<string[]> {
  const installed = await installedNames(folder)
  const expected = new Set(ours)
  for (const name of expected) {
    const path = join(folder, 'node_modules', name)
    if (!existsSync(path)) return [`npm did not install ${name}`]
    const { dependencies, optionalDependencies } = readManifest(path)
    for (const dependency of namesOf(dependencies)) {
      if (!dependency.startsWith(SCOPE)) expected.add(dependency)
    }
    for (const dependency of namesOf(optionalDependencies)) {
      if (existsSync(join(folder, 'node_modules', dependency))) expected.add(dependency)
    }
  }
  return installed.filter((name) => !expected.has(name)).map((name) => `installing it also installs ${name}`)
}

async function installedNames(folder: string): Promise<string[]> {
  const top = join(folder, 'node_modules')
  const names = (await readdir(top)).filter((name) => !name.startsWith('.'))
  const scoped = names
    .filter((name) => name.startsWith('@'))
    .map(async (scope) => (await readdir(join(top, scope))).map((name) => `${scope}/${name}`))
  return [...names.filter((name) => !name.startsWith('@')), ...(await Promise.all(scoped)).flat()]
}

async function importProblems(folder: string, manifest: WorkspacePackage['manifest']): Promise<string[]> {
  const code = specifiersOf(manifest)
    .map((specifier) => `await import('${specifier}')`)
    .join('\n')
  const { exitCode, output } = await runCommand(process.execPath, ['--input-type=module', '-e', code], folder)
  return exitCode === 0 ? [] : [`importing it fails:\n${output}`]
}

/** The packages are ES modules, which CommonJS can load with `require()` from Node 20.19 on. */
async function requireProblems(folder: string, manifest: WorkspacePackage['manifest']): Promise<string[]> {
  // vitest cannot be loaded outside its own runner.
  if (manifest.peerDependencies?.['vitest'] !== undefined) return []
  const code = specifiersOf(manifest)
    .map(
      (specifier) => `if (Object.keys(require('${specifier}')).length === 0) throw new Error('no exports')`,
    )
    .join('\n')
  const { exitCode, output } = await runCommand(
    process.execPath,
    ['--input-type=commonjs', '-e', code],
    folder,
  )
  return exitCode === 0 ? [] : [`require() of it fails:\n${output}`]
}

/**
 * Declarations compile in a project with the library of ES2022 that checks its dependencies. A neutral entry point
 * compiles without the types of Node.
 */
async function typeProblems(
  folder: string,
  manifest: WorkspacePackage['manifest'],
  root: string,
): Promise<string[]> {
  // The declarations of a test runner need newer libraries.
  if (manifest.peerDependencies?.['vitest'] !== undefined) return []
  const forNode = `${manifest.name}/node`
  const specifiers = specifiersOf(manifest)
  const problems: string[] = []
  for (const specifier of specifiers) {
    const isNeutral = specifier !== forNode && specifiers.includes(forNode)
    await writeFile(join(folder, 'consumer.ts'), `export * from '${specifier}'\n`)
    const compilerOptions = {
      ...{ target: 'es2022', lib: isNeutral ? ['es2022', 'dom', 'dom.iterable'] : ['es2022'] },
      ...{ module: 'nodenext', strict: true, skipLibCheck: false, noEmit: true },
      ...{ typeRoots: [join(root, 'node_modules/@types')], types: isNeutral ? [] : ['node'] },
    }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
    )
    const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]
    const { exitCode, output } = await runCommand(process.execPath, compiler, folder)
    if (exitCode !== 0) problems.push(`${specifier} does not compile with the library of ES2022:\n${output}`)
  }
  return problems
}

/** The entry points of a package, without its manifest. */
function specifiersOf({ name, exports }: WorkspacePackage['manifest']): string[] {
  return Object.keys(exports ?? {})
    .filter((subpath) => !subpath.endsWith('.json'))
    .map((subpath) => name + subpath.slice(1))
}

async function runExample(folder: string, isSuite: boolean): Promise<string[]> {
  const program = isSuite ? ['node_modules/vitest/vitest.mjs', 'run'] : ['example.js']
  const { exitCode, output } = await runCommand('timeout', ['60', process.execPath, ...program], folder)
  return exitCode === 0 ? [] : [`the first example of its README ends with ${exitCode}:\n${output}`]
}

function firstExample(path: string): string | undefined {
  const readme = join(path, 'README.md')
  return existsSync(readme) ? /^```ts\n([\s\S]*?)^```$/m.exec(readFileSync(readme, 'utf8'))?.[1] : undefined
}

/** The packages that code imports, without the modules of Node. */
function importedBy(code: string): string[] {
  const specifiers = [...code.matchAll(/\bfrom\s*"([^".][^"]*)"|\bimport\s*\(?\s*"([^".][^"]*)"/g)]
  const packages = specifiers.map(([, from, bare]) => packageOf(from ?? bare ?? ''))
  return [...new Set(packages)].filter((name) => !name.startsWith('node:') && !builtinModules.includes(name))
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The version in the catalog, with which the workspace tests. */
function pinnedVersion(root: string, name: string): string {
  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const version = catalog.split('\n').flatMap((line) => {
    const [, key, value] = /^ {2}'?([^':]+)'?: (\S+)$/.exec(line) ?? []
    return key === name && value !== undefined ? [value] : []
  })[0]
  if (version === undefined) throw new Error(`pnpm-workspace.yaml: no version of ${name} in the catalog`)
  return version
}

function namesOf(dependencies: Readonly<Record<string, string>> | undefined): string[] {
  return Object.keys(dependencies ?? {})
}

await runAsCheck(import.meta.url, releaseCheck)
