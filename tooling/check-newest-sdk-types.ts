import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Problems, runAsCheck, SKIPPED_EXIT_CODE } from './run-as-check.js'
import { runCommand } from './run-command.js'
import { filesBelow, readManifest, SOURCE_CONDITION } from './workspace.js'

const SDK_PACKAGES = [
  '@modelcontextprotocol/sdk',
  '@modelcontextprotocol/client',
  '@modelcontextprotocol/server',
]
const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/

/** The type tests compile against the newest published SDKs, not only against the pinned ones. */
export async function checkNewestSdkTypes(root: string): Promise<Problems> {
  const core = join(root, 'packages/core')
  if (filesBelow(root, 'packages/core/test-d', '.ts').length === 0) return []

  const folder = join(root, '.cache/newest-sdk')
  for (const name of ['src', 'test-d']) {
    rmSync(join(folder, name), { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    cpSync(join(core, name), join(folder, name), { recursive: true })
  }
  const { name, exports } = readManifest(core)
  write(folder, 'package.json', { name, private: true, type: 'module', exports })
  write(folder, 'tsconfig.json', {
    extends: '../../tooling/tsconfig.check.json',
    compilerOptions: { customConditions: [SOURCE_CONDITION] },
    include: ['test-d'],
  })

  const newest = SDK_PACKAGES.map((sdk) => `${sdk}@latest`)
  const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts']
  const install = await runCommand('npm', ['install', ...flags, ...newest], folder)
  if (install.exitCode !== 0) {
    if (!UNREACHABLE.test(install.output)) return [install.output]
    console.log('the registry is unreachable: the newest SDKs were not checked')
    process.exitCode = SKIPPED_EXIT_CODE
    return []
  }

  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const compiled = await runCommand(process.execPath, [tsc, '-p', folder], root)
  if (compiled.exitCode === 0) return []
  return [`against ${SDK_PACKAGES.map((sdk) => installed(folder, sdk)).join(', ')}:\n${compiled.output}`]
}

function installed(folder: string, sdk: string): string {
  const path = join(folder, 'node_modules', sdk)
  return existsSync(path) ? `${sdk} ${readManifest(path).version}` : sdk
}

function write(folder: string, file: string, content: object): void {
  writeFileSync(join(folder, file), `${JSON.stringify(content, null, 2)}\n`)
}

await runAsCheck(import.meta.url, checkNewestSdkTypes)
