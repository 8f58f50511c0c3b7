import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../bundle.js'
import { PROGRAMS } from './programs.js'

/** Bundles the program from its sources, as the published package does, so that no test runs an older build. */
export async function setup(): Promise<void> {
  mkdirSync(PROGRAMS, { recursive: true })
  await bundle(PROGRAMS, ['src/bin.ts'], '.mjs')
  // The program reads its version from this file.
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))
  copyFileSync(manifest, join(dirname(PROGRAMS), 'package.json'))
}
