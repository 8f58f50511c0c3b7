import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { program, run, serverCommand, sourceProgram } from './support/bin.js'

/** The modules that a command line loads, from the coverage of V8, without the modules that run it from sources. */
async function filesLoadedBy(commandLine: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-'))
  const { process, exit } = run(commandLine, { NODE_V8_COVERAGE: folder })
  process.stdin?.end()
  await exit
  const urls = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }
    return result.map(({ url }) => url)
  })
  const files = urls.filter(
    (url) => /^(?:file:|\/)/.test(url) && !/node_modules\/(?:tsx|esbuild|get-tsconfig)/.test(url),
  )
  return [...new Set(files)]
}

function modulesOf(...argv: string[]): Promise<string[]> {
  return filesLoadedBy([...sourceProgram, ...argv])
}

function packagesOf(modules: readonly string[]): string[] {
  const names = modules.map((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

function ownOf(modules: readonly string[]): string[] {
  return modules
    .map((url) => /packages\/mcpwire\/src\/(.*)\.ts/.exec(url)?.[1] ?? '')
    .filter(Boolean)
    .sort()
}

test('the bridge loads no modules of other commands', async () => {
  const modules = await modulesOf('bridge', '--', ...serverCommand('raw-server'))
  expect(packagesOf(modules)).not.toContain('cli-table3')
  expect(packagesOf(modules).filter((name) => name.startsWith('@modelcontextprotocol/'))).toEqual([])
  expect(ownOf(modules)).toEqual([
    'access-flags',
    'bin',
    'bridge',
    'command-options',
    'commands/bridge',
    'endpoint',
    'endpoints/stdio',
    'env-variables',
    'flag-names',
    'header-lines',
    'log-lines',
    'logging',
    'main',
    'printable',
    'program',
    'report',
    'signals',
    'url-suggestions',
  ])
  expect(modules.filter((url) => /packages\/(?!core|stdio|mcpwire)/.test(url))).toEqual([])
})

test('the published bridge starts a server with a few files and one package', async () => {
  const files = await filesLoadedBy([...program, 'bridge', '--', ...serverCommand('raw-server')])
  // The parser of the command line. Windows also needs cross-spawn.
  expect(packagesOf(files)).toEqual(['commander'])
  const ours = files.filter((url) => /\/programs\/bin/.test(url))
  expect(ours.length).toBeGreaterThan(0)
  // Each file takes half a millisecond to find and read.
  expect(ours.length).toBeLessThan(18)
})

test('the published bridge loads the packages of one scheme only', async () => {
  const files = await filesLoadedBy([...program, 'bridge', 'ws://127.0.0.1:1/'])
  expect(packagesOf(files)).toEqual(['commander', 'ws'])
})

test('a bridge to a URL loads the modules of that scheme only', async () => {
  const modules = await modulesOf('bridge', 'unix:/nowhere/at-all')
  expect(ownOf(modules).filter((name) => /^(endpoints|listen)/.test(name))).toEqual(['endpoints/unix'])
  expect(modules.filter((url) => /packages\/tcp/.test(url))).toEqual([])
})

test('--help loads no transport', async () => {
  const modules = await modulesOf('--help')
  expect(modules.filter((url) => /packages\/(?!core|mcpwire)/.test(url))).toEqual([])
  expect(packagesOf(modules)).toEqual(['commander'])
})
