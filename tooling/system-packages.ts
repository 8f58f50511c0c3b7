import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const APT_GET = '/usr/bin/apt-get'
const INSTALL_TIMEOUT_MS = 180_000
const LOCK = join(tmpdir(), 'mcpwire-apt.lock')

/** A program that tests need and npm does not have. */
export interface SystemProgram {
  readonly path: string
  /** The packages of Debian that bring it. */
  readonly packages: readonly string[]
  /** Whether it works. */
  readonly works: () => boolean
}

/** Why the program is not to be had, or nothing once it is there: it is installed where apt and its rights are. */
export function missing({ path, packages, works }: SystemProgram): string | undefined {
  if (existsSync(path) && works()) return undefined
  const wanted = `${path} with ${packages.join(', ')}`
  if (!existsSync(APT_GET) || process.getuid?.() !== 0) return loudly(`needs ${wanted}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env, timeout: INSTALL_TIMEOUT_MS, stdio: 'ignore' } as const
  // Tests of several packages run at once, and apt-get fails where another holds its locks.
  const aptGet = (...args: string[]): unknown => spawnSync('flock', [LOCK, APT_GET, '-qq', ...args], options)
  aptGet('update')
  aptGet('install', '-y', '--no-install-recommends', ...packages)
  return existsSync(path) && works() ? undefined : loudly(`apt-get could not install ${wanted}`)
}

function loudly(why: string): string {
  console.warn(`SKIPPED: ${why}`)
  return why
}

/** Debian's Python with a module of Debian's. */
export function pythonWith(module: string, packageName: string): SystemProgram {
  const path = '/usr/bin/python3'
  return {
    path,
    packages: [packageName],
    works: () => spawnSync(path, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0,
  }
}

/** Debian's Chromium. */
export const chromiumProgram: SystemProgram = {
  path: '/usr/bin/chromium',
  packages: ['chromium'],
  works: () => true,
}

/** Debian's nginx. */
export const nginxProgram: SystemProgram = {
  path: '/usr/sbin/nginx',
  packages: ['nginx-light'],
  works: () => spawnSync('/usr/sbin/nginx', ['-v'], { stdio: 'ignore' }).status === 0,
}
