import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const APT_GET = '/usr/bin/apt-get'
const INSTALL_TIMEOUT_MS = 180_000
const LOCK = join(tmpdir(), 'mcpwire-apt.lock')

/** A program that tests need, and that is not on npm. */
export interface SystemProgram {
  readonly path: string
  /** The packages of Debian that contain it. */
  readonly packages: readonly string[]
  /** Whether it works. */
  readonly works: () => boolean
}

/** Installs the program where apt is usable. Returns why it is missing, or `undefined` when it is installed. */
export function missing({ path, packages, works }: SystemProgram): string | undefined {
  if (existsSync(path) && works()) return undefined
  const wanted = `${path} with ${packages.join(', ')}`
  if (!existsSync(APT_GET) || process.getuid?.() !== 0) return skipReason(`needs ${wanted}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env, timeout: INSTALL_TIMEOUT_MS, stdio: 'ignore' } as const
  // Tests of several packages run at once. apt-get fails while another one holds its locks.
  const aptGet = (...args: string[]): unknown => spawnSync('flock', [LOCK, APT_GET, '-qq', ...args], options)
  aptGet('update')
  aptGet('install', '-y', '--no-install-recommends', ...packages)
  return existsSync(path) && works() ? undefined : skipReason(`apt-get could not install ${wanted}`)
}

function skipReason(why: string): string {
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

/** Debian's HAProxy. */
export const haproxyProgram: SystemProgram = {
  path: '/usr/sbin/haproxy',
  packages: ['haproxy'],
  works: () => spawnSync('/usr/sbin/haproxy', ['-v'], { stdio: 'ignore' }).status === 0,
}
