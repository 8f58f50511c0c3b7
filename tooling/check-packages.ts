import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { pack } from './pack.js'
import { type Problems, repositoryRoot, runAsCheck } from './run-as-check.js'
import { mustRun, runCommand } from './run-command.js'
import { publicPackages, SOURCE_CONDITION } from './workspace.js'

const REQUIRED = ['package/LICENSE', 'package/README.md', 'package/dist/index.js', 'package/dist/index.d.ts']
const UNWANTED = /\.tsbuildinfo$|\.test\.|^package\/(?:test|test-d|node_modules|\.)/

/** Each tarball has correct exports and types, the required files and no unwanted files. */
export async function checkPackages(root: string): Promise<Problems> {
  const destination = await mkdtemp(join(tmpdir(), 'mcpwire-pack-'))
  try {
    const problems: string[] = []
    for (const workspacePackage of publicPackages(root)) {
      const tarball = await pack(workspacePackage, destination)
      const found = [
        ...(await contentProblems(tarball)),
        ...(await publintProblems(tarball)),
        ...(await typeProblems(tarball)),
      ]
      problems.push(...found.map((problem) => `${workspacePackage.manifest.name}: ${problem}`))
    }
    return problems
  } finally {
    await rm(destination, { recursive: true })
  }
}

async function contentProblems(tarball: string): Promise<string[]> {
  const files = (await mustRun('tar', ['-tzf', tarball], '.')).trim().split('\n')
  const manifest = await mustRun('tar', ['-xzOf', tarball, 'package/package.json'], '.')
  return [
    ...REQUIRED.filter((file) => !files.includes(file)).map((file) => `the tarball has no ${file}`),
    ...files.filter((file) => UNWANTED.test(file)).map((file) => `the tarball has ${file}`),
    ...['workspace:', 'catalog:', SOURCE_CONDITION]
      .filter((word) => manifest.includes(word))
      .map((word) => `the packed package.json contains ${word}`),
  ]
}

async function publintProblems(tarball: string): Promise<string[]> {
  const bytes = await readFile(tarball)
  const { messages, pkg } = await publint({
    strict: true,
    pack: {
      tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
    },
  })
  return messages
    .filter(({ type }) => type !== 'suggestion')
    .map((message) => formatMessage(message, pkg, { color: false }) ?? message.code)
}

/** ESM only is intended: Node 20.19 and newer can `require` it. */
async function typeProblems(tarball: string): Promise<string[]> {
  const attw = join(repositoryRoot, 'tooling/node_modules/.bin/attw')
  const { exitCode, output } = await runCommand(
    attw,
    [tarball, '--profile', 'esm-only', '--no-color'],
    repositoryRoot,
  )
  return exitCode === 0 ? [] : [output]
}

await runAsCheck(import.meta.url, checkPackages)
